using Google.Protobuf;

namespace Kv.Rpc.Client;

/// <summary>The parts of an open call with many requests.</summary>
internal sealed record StreamingCall<TRequest, TResponse>(
    ClientCall<TResponse> Call, StreamingContent Content, RequestWriter<TRequest, TResponse> Writer)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        if (Writer.HasUnflushed)
        {
            await Writer.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        Content.Complete();
    }
}
