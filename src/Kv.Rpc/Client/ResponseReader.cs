using Google.Protobuf;

namespace Kv.Rpc.Client;

/// <summary>The responses of a streaming call.</summary>
internal sealed class ResponseReader<TResponse>(ClientCall<TResponse> call) : MessageReader<TResponse>
    where TResponse : class, IMessage<TResponse>
{
    public override ValueTask<TResponse?> ReadAsync(CancellationToken cancellationToken = default) =>
        call.ReadAsync(cancellationToken);
}
