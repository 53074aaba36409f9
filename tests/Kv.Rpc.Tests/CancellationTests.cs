using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Kv.Rpc.Client;
using Kv.Rpc.Server;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>Deadlines, cancellation by either side, stopping servers and lost connections.</summary>
public sealed class CancellationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deadline_Passes_ClientGetsDeadlineExceededAndTheHandlerIsCancelled()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        ManualTime time = new();
        CallOptions options = new() { Timeout = TimeSpan.FromMinutes(10) };
        Task<EchoResponse> call = server.Channel(new GrpcChannelOptions { Time = time }).CallUnaryAsync(
            EchoMethods.Say, new EchoRequest { Hang = true }, options, Token).AsTask();
        await server.Echo.Hanging.Task.WaitAsync(Patience, Token);
        time.Advance(TimeSpan.FromMinutes(9));
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromMinutes(1));
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        await server.Echo.Cancelled.Task.WaitAsync(Patience, Token);
        Assert.Equal(options.Timeout, await server.Echo.SeenTimeout.Task);
    }

    [Fact]
    public async Task Deadline_PassesOnTheServerFirst_TheServerItselfAnswersDeadlineExceeded()
    {
        ManualTime time = new();
        await using EchoServer server = await EchoServer.StartAsync(new GrpcPortOptions { Time = time });
        using RawRequest raw = new(server.Address);
        Task<RawAnswer> call = raw.SendAsync(
            "/kv.rpc.tests.Echo/Say", RawRequest.Frame(new EchoRequest { Hang = true }), [("grpc-timeout", "10M")]);
        await server.Echo.Hanging.Task.WaitAsync(Patience, Token);
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal("4", (await call).GrpcStatus);
    }

    [Fact]
    public async Task Deadline_AlreadyOver_IsNotSent()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        foreach (TimeSpan timeout in new[] { TimeSpan.Zero, TimeSpan.FromSeconds(-1) })
        {
            RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await server.Channel().CallUnaryAsync(
                EchoMethods.Say, new EchoRequest(), new CallOptions { Timeout = timeout }, Token));
            Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
            e = await Assert.ThrowsAsync<RpcException>(async () => await server.Channel().OpenDuplexAsync(
                EchoMethods.Chat, new CallOptions { Timeout = timeout }, Token));
            Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        }

        Assert.False(server.Echo.SeenTimeout.Task.IsCompleted);
    }

    [Fact]
    public async Task Deadline_FarAway_IsCapped()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        CallOptions options = new() { Timeout = TimeSpan.MaxValue };
        await server.Channel().CallUnaryAsync(EchoMethods.Say, new EchoRequest(), options, Token);
        Assert.Equal(TimeSpan.FromDays(24), await server.Echo.SeenTimeout.Task);
    }

    [Fact]
    public async Task Deadline_OfAnIdleDuplexCall_EndsReaderAndHandler()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenDuplexAsync(
            EchoMethods.Chat, new CallOptions { Timeout = TimeSpan.FromMilliseconds(200) }, Token);
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public async Task Cancel_ByTheCaller_EndsTheCallHereAndTheHandlerThere()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task<EchoResponse> call = server.Channel().CallUnaryAsync(
            EchoMethods.Say, new EchoRequest { Hang = true }, cancellationToken: source.Token).AsTask();
        await server.Echo.Hanging.Task.WaitAsync(Patience, Token);
        await source.CancelAsync();
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        await server.Echo.Cancelled.Task.WaitAsync(Patience, Token);
    }

    [Fact]
    public async Task Cancel_BeforeTheCall_IsCancelled()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await server.Channel().CallUnaryAsync(
            EchoMethods.Say, new EchoRequest(), cancellationToken: new CancellationToken(canceled: true)));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    [Fact]
    public async Task Dispose_OfAnOpenDuplexCall_CancelsTheHandler()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        var call = await server.Channel().OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        await call.Requests.WriteAsync(new EchoRequest { Hang = true }, Token);
        await server.Echo.Hanging.Task.WaitAsync(Patience, Token);
        call.Dispose();
        call.Dispose();
        await server.Echo.Cancelled.Task.WaitAsync(Patience, Token);
    }

    [Fact]
    public async Task Enumeration_LeftEarly_CancelsTheHandler()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        EchoRequest request = new() { Count = 2, Hang = true };
        await foreach (EchoResponse _ in server.Channel().CallServerStreamingAsync(
            EchoMethods.Repeat, request, cancellationToken: Token))
        {
            await server.Echo.Hanging.Task.WaitAsync(Patience, Token);
            break;
        }

        await server.Echo.Cancelled.Task.WaitAsync(Patience, Token);
    }

    [Fact]
    public async Task Read_Cancelled_EndsTheCall()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        using CancellationTokenSource source = new(TimeSpan.FromMilliseconds(50));
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await call.Responses.ReadAsync(source.Token));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        e = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    [Fact]
    public async Task ServerStops_OpenDuplexCall_EndsWithUnavailableAtOnce()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        await call.Requests.WriteAsync(new EchoRequest(), Token);
        Assert.NotNull(await call.Responses.ReadAsync(Token));
        Stopwatch watch = Stopwatch.StartNew();
        Task stopping = server.StopAsync(Token);
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        await stopping.WaitAsync(Patience, Token);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"stopping took {watch.Elapsed}");
    }

    [Fact]
    public async Task Connect_NobodyListens_IsUnavailable()
    {
        using Socket unused = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        unused.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using GrpcChannel channel = new(new Uri($"http://{unused.LocalEndPoint}"));
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.Contains("cannot connect", e.Detail, StringComparison.Ordinal);
        e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Connect_ToAServerThatNeverAnswers_EndsWithTheDeadline()
    {
        using Socket silent = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        using GrpcChannel channel = new(new Uri($"http://{silent.LocalEndPoint}"));
        CallOptions options = new() { Timeout = TimeSpan.FromMilliseconds(150) };
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), options, Token));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public async Task Connection_Lost_CallsEndWithUnavailableAndTheNextOneConnectsAnew()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using CuttableProxy proxy = new(server.EndPoint);
        using GrpcChannel channel = new(new Uri($"http://{proxy.EndPoint}"));
        using var call = await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        await call.Requests.WriteAsync(new EchoRequest(), Token);
        Assert.NotNull(await call.Responses.ReadAsync(Token));
        proxy.CutAll();
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        EchoResponse response = await channel.CallUnaryAsync(
            EchoMethods.Say, new EchoRequest { Text = "again" }, cancellationToken: Token);
        Assert.Equal("again", response.Text);
    }

    [Fact]
    public async Task Connection_GoesSilent_KeepAliveEndsTheCallWithUnavailable()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using CuttableProxy proxy = new(server.EndPoint);
        GrpcChannelOptions options = new()
        {
            KeepAlivePingDelay = TimeSpan.FromSeconds(1), KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
        };
        using GrpcChannel channel = new(new Uri($"http://{proxy.EndPoint}"), options);
        using var call = await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        await call.Requests.WriteAsync(new EchoRequest(), Token);
        Assert.NotNull(await call.Responses.ReadAsync(Token));
        proxy.HoldAll();
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await call.Responses.ReadAsync(Token).AsTask().WaitAsync(Patience, Token));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }
}
