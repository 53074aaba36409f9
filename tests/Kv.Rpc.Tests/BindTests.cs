using Google.Protobuf.WellKnownTypes;
using Kv.Rpc.Server;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>What a service binding refuses.</summary>
public sealed class BindTests
{
    private static GrpcService New => new(EchoReflection.Descriptor.Services[0]);

    [Fact]
    public void Bind_UnknownMethod_IsRefusedByName()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(
            () => New.Unary<EchoRequest, EchoResponse>("Shout", (_, _) => ValueTask.FromResult(new EchoResponse())));
        Assert.Contains("kv.rpc.tests.Echo has no method 'Shout'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bind_WrongMessageType_IsRefused()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(
            () => New.Unary<EchoRequest, StringValue>("Say", (_, _) => ValueTask.FromResult(new StringValue())));
        Assert.Contains("EchoResponse, not StringValue", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bind_WrongKind_IsRefused()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(
            () => New.Unary<EchoRequest, EchoResponse>("Chat", (_, _) => ValueTask.FromResult(new EchoResponse())));
        Assert.Contains("is duplex, not unary", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bind_OneMethodTwice_IsRefused()
    {
        GrpcService service = New.Unary<EchoRequest, EchoResponse>(
            "Say", (_, _) => ValueTask.FromResult(new EchoResponse()));
        Assert.Throws<ArgumentException>(
            () => service.Unary<EchoRequest, EchoResponse>("Say", (_, _) => ValueTask.FromResult(new EchoResponse())));
    }

    [Fact]
    public void Build_MethodsWithoutHandler_AreNamed()
    {
        GrpcService service = New.Unary<EchoRequest, EchoResponse>(
            "Say", (_, _) => ValueTask.FromResult(new EchoResponse()));
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(service.Build);
        Assert.Contains("no handler for Repeat, Collect, Chat", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Port_OneServiceTwice_IsRefused()
    {
        ArgumentException e = await Assert.ThrowsAsync<ArgumentException>(
            async () => await EchoServer.StartAsync(more: [new EchoService().Bind()]));
        Assert.Contains("bound twice", e.Message, StringComparison.Ordinal);
    }
}
