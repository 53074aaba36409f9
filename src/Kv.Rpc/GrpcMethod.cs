using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Kv.Rpc;

/// <summary>
/// One method of a service with the types of its messages, checked once against the descriptor that protoc generated.
/// Immutable; make one per method and keep it.
/// </summary>
public sealed class GrpcMethod<TRequest, TResponse>
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    /// <summary>Throws <see cref="ArgumentException"/> when the service has no such method or its messages are of other
    /// types.</summary>
    public GrpcMethod(ServiceDescriptor service, string name)
    {
        ArgumentNullException.ThrowIfNull(service);
        Descriptor = service.FindMethodByName(name)
            ?? throw new ArgumentException($"service {service.FullName} has no method '{name}'", nameof(name));
        Path = PathOf(Descriptor);
        RequestParser = Parser<TRequest>(Descriptor.InputType, "requests");
        ResponseParser = Parser<TResponse>(Descriptor.OutputType, "responses");
    }

    public MethodDescriptor Descriptor { get; }

    /// <summary>The HTTP/2 path: <c>/package.Service/Method</c>.</summary>
    public string Path { get; }

    internal MessageParser<TRequest> RequestParser { get; }

    internal MessageParser<TResponse> ResponseParser { get; }

    internal static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    internal void RequireKind(bool isClientStreaming, bool isServerStreaming)
    {
        if (Descriptor.IsClientStreaming != isClientStreaming || Descriptor.IsServerStreaming != isServerStreaming)
        {
            throw new ArgumentException(
                $"method {Descriptor.FullName} is "
                + KindName(Descriptor.IsClientStreaming, Descriptor.IsServerStreaming)
                + $", not {KindName(isClientStreaming, isServerStreaming)}");
        }
    }

    private static string KindName(bool isClientStreaming, bool isServerStreaming) =>
        (isClientStreaming, isServerStreaming) switch
        {
            (false, false) => "unary",
            (false, true) => "server streaming",
            (true, false) => "client streaming",
            (true, true) => "duplex",
        };

    private MessageParser<T> Parser<T>(MessageDescriptor message, string what)
        where T : class, IMessage<T> =>
        message.Parser as MessageParser<T>
        ?? throw new ArgumentException(
            $"{what} of method {Descriptor.FullName} are {message.FullName}, not {typeof(T).Name}");
}
