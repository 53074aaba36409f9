using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Kv.Rpc.Server;

/// <summary>The responses of a streaming call, serialised straight into Kestrel's send buffer.</summary>
internal sealed class ResponseWriter<TResponse>(GrpcCallContext context) : MessageWriter<TResponse>
    where TResponse : class, IMessage<TResponse>
{
    public override void Write(TResponse message)
    {
        context.PrepareHeaders();
        context.Writer.Write(message);
    }

    public override ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        context.PrepareHeaders();
        if (cancellationToken.CanBeCanceled && cancellationToken != context.CancellationToken)
        {
            return FlushLinkedAsync(cancellationToken);
        }

        return AwaitFlushAsync(context.Writer.FlushAsync(context.CancellationToken));
    }

    private async ValueTask FlushLinkedAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource linked =
            CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, context.CancellationToken);
        await AwaitFlushAsync(context.Writer.FlushAsync(linked.Token)).ConfigureAwait(false);
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
