using Google.Protobuf.Reflection;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

internal static class EchoMethods
{
    private static readonly ServiceDescriptor Service = EchoReflection.Descriptor.Services[0];

    public static GrpcMethod<EchoRequest, EchoResponse> Say { get; } = new(Service, "Say");

    public static GrpcMethod<EchoRequest, EchoResponse> Repeat { get; } = new(Service, "Repeat");

    public static GrpcMethod<EchoRequest, EchoResponse> Collect { get; } = new(Service, "Collect");

    public static GrpcMethod<EchoRequest, EchoResponse> Chat { get; } = new(Service, "Chat");
}
