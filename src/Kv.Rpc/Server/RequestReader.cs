using Google.Protobuf;

namespace Kv.Rpc.Server;

/// <summary>The requests of a streaming call.</summary>
internal sealed class RequestReader<TRequest>(GrpcCallContext context, MessageParser<TRequest> parser)
    : MessageReader<TRequest>
    where TRequest : class, IMessage<TRequest>
{
    private LinkedToken _linked;

    public override ValueTask<TRequest?> ReadAsync(CancellationToken cancellationToken = default) =>
        context.Reader.ReadAsync(parser, _linked.Of(cancellationToken, context.CancellationToken));
}
