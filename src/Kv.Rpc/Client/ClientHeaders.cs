using System.Globalization;
using System.Net.Http.Headers;
using Kv.Rpc.Wire;

namespace Kv.Rpc.Client;

/// <summary>Metadata and status to and from HttpClient's header collections.</summary>
internal static class ClientHeaders
{
    public static void Add(Metadata? metadata, HttpRequestHeaders headers)
    {
        if (metadata is null)
        {
            return;
        }

        foreach (MetadataEntry entry in metadata)
        {
            headers.TryAddWithoutValidation(entry.Key, entry.Text ?? BinaryHeader.Encode(entry.Bytes.Span));
        }
    }

    public static Metadata ToMetadata(HttpHeaders headers)
    {
        Metadata metadata = new();
        foreach ((string name, HeaderStringValues values) in headers.NonValidated)
        {
            foreach (string value in values)
            {
                metadata.AddReceived(name, value);
            }
        }

        return metadata;
    }

    public static string? Value(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out HeaderStringValues values) ? values.ToString() : null;

    public static bool HasStatus(HttpHeaders headers) => headers.NonValidated.Contains(GrpcHeaders.Status);

    /// <summary>Null when there is no <c>grpc-status</c>; a status that is no known number is UNKNOWN.</summary>
    public static (StatusCode Code, string Detail)? StatusOf(HttpHeaders headers)
    {
        if (Value(headers, GrpcHeaders.Status) is not { } text)
        {
            return null;
        }

        bool isKnown = int.TryParse(
            text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= 16;
        string detail = Value(headers, GrpcHeaders.Message) is { } message ? StatusMessage.Decode(message) : "";
        return (isKnown ? (StatusCode)number : StatusCode.Unknown, detail);
    }
}
