using Google.Protobuf.Reflection;

namespace Kv.Rpc.Server;

/// <summary>A service with a handler for each of its methods. Immutable; may serve several ports.</summary>
public sealed class GrpcServiceBinding
{
    internal GrpcServiceBinding(ServiceDescriptor descriptor, MethodHandler[] handlers) =>
        (Descriptor, Handlers) = (descriptor, handlers);

    public ServiceDescriptor Descriptor { get; }

    internal IReadOnlyList<MethodHandler> Handlers { get; }
}
