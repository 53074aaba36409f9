using Google.Protobuf;

namespace Kv.Rpc.Client;

/// <summary>An open call with many requests and one response. Dispose ends the call; one that has not ended is
/// cancelled.</summary>
public sealed class GrpcClientStreamingCall<TRequest, TResponse> : IDisposable
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private readonly StreamingCall<TRequest, TResponse> _inner;

    internal GrpcClientStreamingCall(StreamingCall<TRequest, TResponse> inner) => _inner = inner;

    public MessageWriter<TRequest> Requests => _inner.Writer;

    /// <summary>Sends what was written, ends the requests and waits for the response.</summary>
    public async ValueTask<TResponse> CompleteAsync(CancellationToken cancellationToken = default)
    {
        await _inner.CompleteAsync(cancellationToken).ConfigureAwait(false);
        return await _inner.Call.ReadSingleAsync().ConfigureAwait(false);
    }

    /// <summary>The trailers; only after the response has come.</summary>
    public Metadata GetTrailers() => _inner.Call.GetTrailers();

    public void Dispose() => _inner.Call.Dispose();
}
