using Google.Protobuf.Reflection;
using Kv.Protocol.Grpc.Health.V1;
using Kv.Protocol.Grpc.Reflection.V1;
using Kv.Rpc.Client;
using Kv.Rpc.Server;
using Kv.Rpc.Services;
using Kv.Rpc.Tests.Proto;
using ServingStatus = Kv.Protocol.Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Kv.Rpc.Tests;

/// <summary>The health and reflection services.</summary>
public sealed class ServicesTests
{
    private static readonly ServiceDescriptor HealthDescriptor = HealthReflection.Descriptor.Services[0];

    private static readonly GrpcMethod<HealthCheckRequest, HealthCheckResponse> Check = new(HealthDescriptor, "Check");
    private static readonly GrpcMethod<HealthCheckRequest, HealthCheckResponse> Watch = new(HealthDescriptor, "Watch");

    private static readonly GrpcMethod<ServerReflectionRequest, ServerReflectionResponse> Reflect =
        new(ReflectionReflection.Descriptor.Services[0], "ServerReflectionInfo");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Health_Check_AnswersWhatWasSetAndNotFoundForOthers()
    {
        HealthService health = new();
        await using EchoServer server = await EchoServer.StartAsync(more: [health.Bind()]);
        GrpcChannel channel = server.Channel();
        Assert.Equal(ServingStatus.NotServing, await CheckAsync(channel, ""));
        health.Set("", isServing: true);
        health.Set("kv.rpc.tests.Echo", isServing: true);
        Assert.Equal(ServingStatus.Serving, await CheckAsync(channel, ""));
        Assert.Equal(ServingStatus.Serving, await CheckAsync(channel, "kv.rpc.tests.Echo"));
        health.Set("kv.rpc.tests.Echo", isServing: false);
        Assert.Equal(ServingStatus.NotServing, await CheckAsync(channel, "kv.rpc.tests.Echo"));
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CheckAsync(channel, "nobody"));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
    }

    [Fact]
    public async Task Health_Watch_BringsTheStatusAndEachChange()
    {
        HealthService health = new();
        await using EchoServer server = await EchoServer.StartAsync(more: [health.Bind()]);
        await using IAsyncEnumerator<HealthCheckResponse> watch = server.Channel().CallServerStreamingAsync(
            Watch, new HealthCheckRequest { Service = "later" }, cancellationToken: Token).GetAsyncEnumerator(Token);
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(ServingStatus.ServiceUnknown, watch.Current.Status);
        health.Set("another", isServing: true);
        health.Set("later", isServing: true);
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(ServingStatus.Serving, watch.Current.Status);
        health.Set("later", isServing: true);
        health.Set("later", isServing: false);
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(ServingStatus.NotServing, watch.Current.Status);
    }

    [Fact]
    public async Task Reflection_ListServices_NamesAllOfThePort()
    {
        await using EchoServer server = await StartWithReflectionAsync();
        ServerReflectionResponse response = await ReflectAsync(
            server, new ServerReflectionRequest { ListServices = "*" });
        Assert.Equal(
            ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
                "kv.rpc.tests.Echo"],
            response.ListServicesResponse.Service.Select(s => s.Name));
    }

    [Theory]
    [InlineData("kv.rpc.tests.Echo", "echo.proto")]
    [InlineData("kv.rpc.tests.Echo.Say", "echo.proto")]
    [InlineData("kv.rpc.tests.EchoRequest", "echo.proto")]
    [InlineData("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto")]
    public async Task Reflection_Symbol_BringsItsFile(string symbol, string file)
    {
        await using EchoServer server = await StartWithReflectionAsync();
        ServerReflectionResponse response = await ReflectAsync(
            server, new ServerReflectionRequest { Host = "me", FileContainingSymbol = symbol });
        FileDescriptorProto proto = FileDescriptorProto.Parser.ParseFrom(
            response.FileDescriptorResponse.FileDescriptorProto[0]);
        Assert.Equal((file, "me"), (proto.Name, response.ValidHost));
        Assert.Equal(symbol, response.OriginalRequest.FileContainingSymbol);
    }

    [Fact]
    public async Task Reflection_FileName_BringsTheFile()
    {
        await using EchoServer server = await StartWithReflectionAsync();
        ServerReflectionResponse response = await ReflectAsync(
            server, new ServerReflectionRequest { FileByFilename = "echo.proto" });
        Assert.Equal(
            EchoReflection.Descriptor.SerializedData, response.FileDescriptorResponse.FileDescriptorProto.Single());
    }

    [Fact]
    public async Task Reflection_Unknown_IsNotFoundAndTheStreamGoesOn()
    {
        await using EchoServer server = await StartWithReflectionAsync();
        using var call = await server.Channel().OpenDuplexAsync(Reflect, cancellationToken: Token);
        ServerReflectionRequest[] unknown =
        [
            new() { FileContainingSymbol = "no.such.Thing" },
            new() { FileByFilename = "no.proto" },
            new() { FileContainingExtension = new ExtensionRequest { ContainingType = "kv.rpc.tests.EchoRequest" } },
            new() { AllExtensionNumbersOfType = "no.such.Message" },
        ];
        foreach (ServerReflectionRequest request in unknown)
        {
            await call.Requests.WriteAsync(request, Token);
            ServerReflectionResponse? response = await call.Responses.ReadAsync(Token);
            Assert.Equal((int)StatusCode.NotFound, response?.ErrorResponse.ErrorCode);
        }

        await call.Requests.WriteAsync(
            new ServerReflectionRequest { AllExtensionNumbersOfType = "kv.rpc.tests.EchoRequest" }, Token);
        Assert.Empty((await call.Responses.ReadAsync(Token))!.AllExtensionNumbersResponse.ExtensionNumber);
    }

    private static Task<EchoServer> StartWithReflectionAsync()
    {
        GrpcServiceBinding health = new HealthService().Bind();
        return EchoServer.StartAsync(more: [health, .. ReflectionService.Bind([new EchoService().Bind(), health])]);
    }

    private static async Task<ServingStatus> CheckAsync(GrpcChannel channel, string service)
    {
        HealthCheckRequest request = new() { Service = service };
        return (await channel.CallUnaryAsync(Check, request, cancellationToken: Token)).Status;
    }

    private static async Task<ServerReflectionResponse> ReflectAsync(EchoServer server, ServerReflectionRequest request)
    {
        using var call = await server.Channel().OpenDuplexAsync(Reflect, cancellationToken: Token);
        await call.Requests.WriteAsync(request, Token);
        await call.CompleteRequestsAsync(Token);
        ServerReflectionResponse response = Assert.IsType<ServerReflectionResponse>(
            await call.Responses.ReadAsync(Token));
        Assert.Null(await call.Responses.ReadAsync(Token));
        return response;
    }
}
