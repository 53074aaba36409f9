using System.Net;
using Google.Protobuf;

namespace Kv.Rpc.Tests;

/// <summary>HTTP/2 requests with any headers and any bytes, past the checks of our own client.</summary>
internal sealed class RawRequest(Uri address) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address };

    public static byte[] Frame(IMessage message) => Frame(message.ToByteArray());

    public static byte[] Frame(byte[] body, byte flag = 0) =>
    [
        flag, (byte)(body.Length >> 24), (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length,
        .. body,
    ];

    public async Task<RawAnswer> SendAsync(
        string path,
        byte[] body,
        IEnumerable<(string Name, string Value)>? headers = null,
        string? contentType = "application/grpc",
        string? te = "trailers",
        string method = "POST")
    {
        using HttpRequestMessage request = new(new HttpMethod(method), path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (method != "GET")
        {
            request.Content = new ByteArrayContent(body);
            if (contentType is not null)
            {
                request.Content.Headers.TryAddWithoutValidation("content-type", contentType);
            }
        }

        if (te is not null)
        {
            request.Headers.TryAddWithoutValidation("te", te);
        }

        foreach ((string name, string value) in headers ?? [])
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        CancellationToken token = TestContext.Current.CancellationToken;
        using HttpResponseMessage response = await _http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, token);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(token);
        string? Find(string name) =>
            response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? trailers) ? string.Join(",", trailers)
            : response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(",", values)
            : null;
        return new RawAnswer(
            (int)response.StatusCode, Find("grpc-status"), Find("grpc-message"), Find("grpc-accept-encoding"), answer);
    }

    public void Dispose() => _http.Dispose();
}
