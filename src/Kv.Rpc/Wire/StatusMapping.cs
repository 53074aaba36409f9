using System.Net;

namespace Kv.Rpc.Wire;

/// <summary>Status codes for answers that carry none: HTTP statuses and HTTP/2 resets, as the gRPC specification maps
/// them.</summary>
internal static class StatusMapping
{
    public static StatusCode FromHttpStatus(HttpStatusCode status) => (int)status switch
    {
        400 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    public static StatusCode FromHttp2Error(long errorCode) => errorCode switch
    {
        0x7 => StatusCode.Unavailable,
        0x8 => StatusCode.Cancelled,
        0xb => StatusCode.ResourceExhausted,
        0xc => StatusCode.PermissionDenied,
        _ => StatusCode.Internal,
    };

    /// <summary>What a failure of HttpClient means for the call, when neither deadline nor caller ended it.</summary>
    public static RpcException FromTransport(Exception failure, Uri address)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            if (e is RpcException rpc)
            {
                return rpc;
            }

            if (e is HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded })
            {
                return new RpcException(
                    StatusCode.ResourceExhausted, $"{address.Authority}: {e.Message}", trailers: null, failure);
            }

            if (e is HttpProtocolException protocol && IsStreamReset(protocol))
            {
                string reset = $"{address.Authority} ended the call with HTTP/2 error 0x{protocol.ErrorCode:x}";
                return new RpcException(FromHttp2Error(protocol.ErrorCode), reset, trailers: null, failure);
            }
        }

        (StatusCode code, string what) = failure switch
        {
            HttpRequestException http => FromRequestError(http.HttpRequestError),
            IOException or OperationCanceledException or ObjectDisposedException =>
                (StatusCode.Unavailable, "the connection failed"),
            _ => (StatusCode.Internal, "the call failed"),
        };
        string detail = $"{address.Authority}: {what}: {failure.GetBaseException().Message}";
        return new RpcException(code, detail, trailers: null, failure);
    }

    /// <summary>One exception type stands for a reset of the call, whose code counts, and for the end of the whole
    /// connection (GOAWAY, unanswered ping), which is UNAVAILABLE whatever its code. Only the text tells them apart, as
    /// resource text or as resource name.</summary>
    private static bool IsStreamReset(HttpProtocolException failure) =>
        failure.Message.Contains("stream", StringComparison.OrdinalIgnoreCase);

    private static (StatusCode Code, string What) FromRequestError(HttpRequestError error) => error switch
    {
        HttpRequestError.VersionNegotiationError => (StatusCode.Unavailable, "it does not speak HTTP/2"),
        HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError => (StatusCode.Unavailable, "cannot connect"),
        _ => (StatusCode.Unavailable, "the connection failed"),
    };
}
