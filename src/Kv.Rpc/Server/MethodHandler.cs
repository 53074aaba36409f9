using Google.Protobuf;

namespace Kv.Rpc.Server;

/// <summary>One bound method: reads the requests, runs the handler, writes the responses. The status is the
/// router's.</summary>
internal abstract class MethodHandler(string path, bool isClientStreaming, bool isServerStreaming)
{
    public string Path { get; } = path;

    public bool IsClientStreaming { get; } = isClientStreaming;

    public bool IsStreaming { get; } = isClientStreaming || isServerStreaming;

    public abstract ValueTask InvokeAsync(GrpcCallContext context);
}

internal sealed class UnaryMethodHandler<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method, Func<TRequest, GrpcCallContext, ValueTask<TResponse>> handler)
    : MethodHandler(method.Path, isClientStreaming: false, isServerStreaming: false)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public override async ValueTask InvokeAsync(GrpcCallContext context)
    {
        TRequest request = await context.Reader.ReadSingleAsync(
            method.RequestParser, context.CancellationToken).ConfigureAwait(false);
        TResponse response = await handler(request, context).ConfigureAwait(false);
        SingleResponse.Write(context, response);
    }
}

internal sealed class ServerStreamingMethodHandler<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method,
    Func<TRequest, MessageWriter<TResponse>, GrpcCallContext, ValueTask> handler)
    : MethodHandler(method.Path, isClientStreaming: false, isServerStreaming: true)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public override async ValueTask InvokeAsync(GrpcCallContext context)
    {
        TRequest request = await context.Reader.ReadSingleAsync(
            method.RequestParser, context.CancellationToken).ConfigureAwait(false);
        await handler(request, new ResponseWriter<TResponse>(context), context).ConfigureAwait(false);
    }
}

internal sealed class ClientStreamingMethodHandler<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method,
    Func<MessageReader<TRequest>, GrpcCallContext, ValueTask<TResponse>> handler)
    : MethodHandler(method.Path, isClientStreaming: true, isServerStreaming: false)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public override async ValueTask InvokeAsync(GrpcCallContext context)
    {
        TResponse response = await handler(
            new RequestReader<TRequest>(context, method.RequestParser), context).ConfigureAwait(false);
        SingleResponse.Write(context, response);
    }
}

internal sealed class DuplexMethodHandler<TRequest, TResponse>(
    GrpcMethod<TRequest, TResponse> method,
    Func<MessageReader<TRequest>, MessageWriter<TResponse>, GrpcCallContext, ValueTask> handler)
    : MethodHandler(method.Path, isClientStreaming: true, isServerStreaming: true)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public override ValueTask InvokeAsync(GrpcCallContext context) =>
        handler(
            new RequestReader<TRequest>(context, method.RequestParser),
            new ResponseWriter<TResponse>(context),
            context);
}
