using Kv.Rpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Kv.Rpc.Server;

/// <summary>Metadata to and from Kestrel's header dictionaries.</summary>
internal static class HeaderCopy
{
    public static Metadata FromRequest(IHeaderDictionary headers)
    {
        Metadata metadata = new();
        foreach ((string name, StringValues values) in headers)
        {
            foreach (string? value in values)
            {
                if (value is not null)
                {
                    metadata.AddReceived(name, value);
                }
            }
        }

        return metadata;
    }

    public static void ToResponse(Metadata? metadata, IHeaderDictionary headers)
    {
        if (metadata is null)
        {
            return;
        }

        foreach (MetadataEntry entry in metadata)
        {
            string value = entry.Text ?? BinaryHeader.Encode(entry.Bytes.Span);
            headers[entry.Key] = StringValues.Concat(headers[entry.Key], value);
        }
    }
}
