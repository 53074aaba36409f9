using Google.Protobuf;

namespace Kv.Rpc.Server;

/// <summary>The requests of a streaming call.</summary>
internal sealed class RequestReader<TRequest>(GrpcCallContext context, MessageParser<TRequest> parser)
    : MessageReader<TRequest>
    where TRequest : class, IMessage<TRequest>
{
    public override ValueTask<TRequest?> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (!cancellationToken.CanBeCanceled || cancellationToken == context.CancellationToken)
        {
            return context.Reader.ReadAsync(parser, context.CancellationToken);
        }

        return ReadLinkedAsync(cancellationToken);
    }

    private async ValueTask<TRequest?> ReadLinkedAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource linked =
            CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, context.CancellationToken);
        return await context.Reader.ReadAsync(parser, linked.Token).ConfigureAwait(false);
    }
}
