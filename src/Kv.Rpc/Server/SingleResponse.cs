using Google.Protobuf;

namespace Kv.Rpc.Server;

/// <summary>The one response of a unary or client streaming call: buffered here, flushed by the router together with
/// the status.</summary>
internal static class SingleResponse
{
    public static void Write(GrpcCallContext context, IMessage? response)
    {
        if (response is null)
        {
            throw new InvalidOperationException(
                $"the handler of {context.MethodPath} returned null instead of a message");
        }

        // An answer past the deadline is no answer: the client has given up.
        context.CancellationToken.ThrowIfCancellationRequested();
        if (response.CalculateSize() is int size && size > context.Options.SendMessageBytesMax)
        {
            throw new RpcException(
                StatusCode.ResourceExhausted,
                $"a response of {size} bytes is over the limit of {context.Options.SendMessageBytesMax} bytes");
        }

        context.PrepareHeaders();
        context.Writer.Write(response);
    }
}
