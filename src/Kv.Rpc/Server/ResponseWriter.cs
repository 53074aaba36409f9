using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Kv.Rpc.Server;

/// <summary>The responses of a streaming call, serialised straight into Kestrel's send buffer.</summary>
internal sealed class ResponseWriter<TResponse>(GrpcCallContext context) : MessageWriter<TResponse>
    where TResponse : class, IMessage<TResponse>
{
    private LinkedToken _linked;

    public override void Write(TResponse message)
    {
        context.PrepareHeaders();
        context.Writer.Write(message);
    }

    public override ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        context.PrepareHeaders();
        return AwaitFlushAsync(
            context.Writer.FlushAsync(_linked.Of(cancellationToken, context.CancellationToken)));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask AwaitFlushAsync(ValueTask<FlushResult> flush)
    {
        FlushResult result = await flush.ConfigureAwait(false);
        if (result.IsCompleted || result.IsCanceled)
        {
            throw new RpcException(StatusCode.Cancelled, "the client has gone away");
        }
    }
}
