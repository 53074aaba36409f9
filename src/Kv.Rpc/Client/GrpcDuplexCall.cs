using Google.Protobuf;

namespace Kv.Rpc.Client;

/// <summary>
/// An open call with many requests and many responses. One writer and one reader may work side by side. Dispose ends
/// the call; one that has not ended by itself is cancelled, on the server too.
/// </summary>
public sealed class GrpcDuplexCall<TRequest, TResponse> : IDisposable
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private readonly StreamingCall<TRequest, TResponse> _inner;

    internal GrpcDuplexCall(StreamingCall<TRequest, TResponse> inner)
    {
        _inner = inner;
        Responses = new ResponseReader<TResponse>(inner.Call);
    }

    public MessageWriter<TRequest> Requests => _inner.Writer;

    /// <summary>Null from its read is the end of the call with OK; any other end is an
    /// <see cref="RpcException"/>.</summary>
    public MessageReader<TResponse> Responses { get; }

    /// <summary>Sends what was written and ends the requests; responses may still come.</summary>
    public ValueTask CompleteRequestsAsync(CancellationToken cancellationToken = default) =>
        _inner.CompleteAsync(cancellationToken);

    /// <summary>The response headers, once the server has sent them. Not while a read is under way.</summary>
    public Task<Metadata> GetHeadersAsync() => _inner.Call.GetHeadersAsync();

    /// <summary>The trailers; only after the responses have ended.</summary>
    public Metadata GetTrailers() => _inner.Call.GetTrailers();

    public void Dispose() => _inner.Call.Dispose();
}
