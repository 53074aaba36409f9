using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Kv.Rpc.Server;

/// <summary>
/// Binds handlers to the methods of a service, by the descriptor that protoc generated: <c>new
/// GrpcService(EchoReflection.Descriptor.Services[0]).Unary&lt;Ask, Answer&gt;("Say", ...).Build()</c>. A method the
/// service does not have, a method of another kind or with other messages, and a second handler for one method are
/// refused with <see cref="ArgumentException"/> at the bind; a method left without handler at <see cref="Build"/>. A
/// handler fails a call by throwing <see cref="RpcException"/>; any other exception becomes UNKNOWN without its text.
/// </summary>
public sealed class GrpcService(ServiceDescriptor service)
{
    private readonly Dictionary<string, MethodHandler> _handlers = new(StringComparer.Ordinal);

    /// <summary>One request, one response.</summary>
    public GrpcService Unary<TRequest, TResponse>(
        string name, Func<TRequest, GrpcCallContext, ValueTask<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(handler);
        GrpcMethod<TRequest, TResponse> method = Method<TRequest, TResponse>(
            name, isClientStreaming: false, isServerStreaming: false);
        return Add(name, new UnaryMethodHandler<TRequest, TResponse>(method, handler));
    }

    /// <summary>One request, many responses.</summary>
    public GrpcService ServerStreaming<TRequest, TResponse>(
        string name, Func<TRequest, MessageWriter<TResponse>, GrpcCallContext, ValueTask> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(handler);
        GrpcMethod<TRequest, TResponse> method = Method<TRequest, TResponse>(
            name, isClientStreaming: false, isServerStreaming: true);
        return Add(name, new ServerStreamingMethodHandler<TRequest, TResponse>(method, handler));
    }

    /// <summary>Many requests, one response.</summary>
    public GrpcService ClientStreaming<TRequest, TResponse>(
        string name, Func<MessageReader<TRequest>, GrpcCallContext, ValueTask<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(handler);
        GrpcMethod<TRequest, TResponse> method = Method<TRequest, TResponse>(
            name, isClientStreaming: true, isServerStreaming: false);
        return Add(name, new ClientStreamingMethodHandler<TRequest, TResponse>(method, handler));
    }

    /// <summary>Many requests, many responses, each at its own pace. The call ends with OK when the handler
    /// returns.</summary>
    public GrpcService Duplex<TRequest, TResponse>(
        string name, Func<MessageReader<TRequest>, MessageWriter<TResponse>, GrpcCallContext, ValueTask> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(handler);
        GrpcMethod<TRequest, TResponse> method = Method<TRequest, TResponse>(
            name, isClientStreaming: true, isServerStreaming: true);
        return Add(name, new DuplexMethodHandler<TRequest, TResponse>(method, handler));
    }

    /// <summary>Throws <see cref="InvalidOperationException"/> naming the methods that have no handler.</summary>
    public GrpcServiceBinding Build()
    {
        string[] unbound = [.. service.Methods.Select(m => m.Name).Where(name => !_handlers.ContainsKey(name))];
        return unbound.Length == 0
            ? new GrpcServiceBinding(service, [.. _handlers.Values])
            : throw new InvalidOperationException(
                $"service {service.FullName} has no handler for {string.Join(", ", unbound)}");
    }

    private static void RequireNew(bool isAdded, string fullName)
    {
        if (!isAdded)
        {
            throw new ArgumentException($"method {fullName} has a handler already");
        }
    }

    private GrpcMethod<TRequest, TResponse> Method<TRequest, TResponse>(
        string name, bool isClientStreaming, bool isServerStreaming)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        GrpcMethod<TRequest, TResponse> method = new(service, name);
        method.RequireKind(isClientStreaming, isServerStreaming);
        return method;
    }

    private GrpcService Add(string name, MethodHandler handler)
    {
        RequireNew(_handlers.TryAdd(name, handler), $"{service.FullName}.{name}");
        return this;
    }
}
