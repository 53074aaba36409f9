using Google.Protobuf;
using Kv.Rpc.Client;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>Our client against a foreign server, python's grpcio.</summary>
public sealed class PythonServerTests(PythonServerTests.Peer peer) : IClassFixture<PythonServerTests.Peer>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unary_PayloadsOfManySizes_ComeBackWhole()
    {
        foreach (int size in new[] { 0, 1, 20_000, 1_000_000 })
        {
            EchoRequest request = new() { Text = "é", Payload = ByteString.CopyFrom(new byte[size]) };
            EchoResponse response = await peer.Channel.CallUnaryAsync(
                EchoMethods.Say, request, cancellationToken: Token);
            Assert.Equal(("é", size), (response.Text, response.Payload.Length));
        }
    }

    [Fact]
    public async Task ServerStreaming_CountAsked_BringsThatMany()
    {
        List<int> indexes = [];
        await foreach (EchoResponse response in peer.Channel.CallServerStreamingAsync(
            EchoMethods.Repeat, new EchoRequest { Count = 300 }, cancellationToken: Token))
        {
            indexes.Add(response.Index);
        }

        Assert.Equal(Enumerable.Range(0, 300), indexes);
    }

    [Fact]
    public async Task ClientStreaming_ManyRequests_BringOneResponse()
    {
        using var call = await peer.Channel.OpenClientStreamingAsync(EchoMethods.Collect, cancellationToken: Token);
        for (int i = 0; i < 50; i++)
        {
            call.Requests.Write(new EchoRequest { Text = "x", Payload = ByteString.CopyFrom(new byte[1000]) });
        }

        Assert.Equal(50_000, (await call.CompleteAsync(Token)).Index);
    }

    [Fact]
    public async Task Duplex_InTurnAndThenEnded_KeepsItsOrder()
    {
        using var call = await peer.Channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        for (int i = 0; i < 20; i++)
        {
            await call.Requests.WriteAsync(new EchoRequest { Text = $"{i}" }, Token);
            Assert.Equal($"{i}", (await call.Responses.ReadAsync(Token))?.Text);
        }

        await call.CompleteRequestsAsync(Token);
        Assert.Null(await call.Responses.ReadAsync(Token));
    }

    [Fact]
    public async Task Gzip_BothWays_CarriesTheMessages()
    {
        EchoRequest request = new() { Text = new string('x', 100_000), Compress = true };
        EchoResponse response = await peer.Channel.CallUnaryAsync(
            EchoMethods.Say, request, new CallOptions { CompressRequests = true }, Token);
        Assert.Equal(request.Text, response.Text);
    }

    [Fact]
    public async Task Status_EveryCode_ArrivesWithItsText()
    {
        for (int code = 1; code <= 16; code++)
        {
            EchoRequest request = new() { FailCode = code, Text = "why é %" };
            RpcException e = await FailAsync(request);
            Assert.Equal(((StatusCode)code, "why é %"), (e.StatusCode, e.Detail));
        }
    }

    [Fact]
    public async Task Status_AfterResponses_BringsBoth()
    {
        int count = 0;
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            EchoRequest request = new() { Count = 3, FailCode = (int)StatusCode.Aborted, Text = "later" };
            await foreach (EchoResponse _ in peer.Channel.CallServerStreamingAsync(
                EchoMethods.Repeat, request, cancellationToken: Token))
            {
                count++;
            }
        });
        Assert.Equal((3, StatusCode.Aborted, "later"), (count, e.StatusCode, e.Detail));
    }

    [Fact]
    public async Task Handler_Crashes_IsUnknown() =>
        Assert.Equal(StatusCode.Unknown, (await FailAsync(new EchoRequest { Crash = true })).StatusCode);

    [Fact]
    public async Task Message_OverTheServersLimit_IsResourceExhausted()
    {
        EchoRequest request = new() { Payload = ByteString.CopyFrom(new byte[5 * 1024 * 1024]) };
        Assert.Equal(StatusCode.ResourceExhausted, (await FailAsync(request)).StatusCode);
    }

    [Fact]
    public async Task Response_OverOurLimit_IsResourceExhausted()
    {
        EchoRequest request = new() { ResponseBytes = 5 * 1024 * 1024 };
        Assert.Equal(StatusCode.ResourceExhausted, (await FailAsync(request)).StatusCode);
    }

    [Fact]
    public async Task Path_Unknown_IsUnimplemented()
    {
        GrpcMethod<Protocol.Grpc.Health.V1.HealthCheckRequest, Protocol.Grpc.Health.V1.HealthCheckResponse> check =
            new(Protocol.Grpc.Health.V1.HealthReflection.Descriptor.Services[0], "Check");
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await peer.Channel.CallUnaryAsync(check, new(), cancellationToken: Token));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task Metadata_TextAndBytes_ComeBackInHeadersAndTrailers()
    {
        byte[] bytes = [0, 1, 255, 254];
        Metadata headers = new Metadata().Add("x-text", "some text").Add("x-blob-bin", bytes);
        GrpcAnswer<EchoResponse> answer = await peer.Channel.CallUnaryWithMetadataAsync(
            EchoMethods.Say, new EchoRequest { MirrorMetadata = true }, new CallOptions { Headers = headers }, Token);
        foreach (Metadata received in new[] { answer.Headers, answer.Trailers })
        {
            Assert.Equal("some text", received.GetText("x-text"));
            Assert.Equal(bytes, received.GetBytes("x-blob-bin")!.Value.ToArray());
        }
    }

    [Fact]
    public async Task Deadline_Passes_IsDeadlineExceeded()
    {
        CallOptions options = new() { Timeout = TimeSpan.FromMilliseconds(200) };
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await peer.Channel.CallUnaryAsync(
            EchoMethods.Say, new EchoRequest { Hang = true, Text = "deadline" }, options, Token));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }

    [Fact]
    public async Task Dispose_OfAnOpenDuplexCall_CancelsTheHandler()
    {
        using var call = await peer.Channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        await call.Requests.WriteAsync(new EchoRequest { Hang = true, Text = "dispose" }, Token);
        await UntilAsync("dispose", state: 1);
        call.Dispose();
        await UntilAsync("dispose", state: 2);
    }

    private async Task UntilAsync(string text, int state)
    {
        int seen = -1;
        for (int i = 0; i < 400 && seen != state; i++)
        {
            EchoRequest question = new() { Text = $"state of {text}" };
            seen = (await peer.Channel.CallUnaryAsync(EchoMethods.Say, question, cancellationToken: Token)).Index;
            await Task.Delay(seen == state ? 0 : 25, Token);
        }

        Assert.Equal(state, seen);
    }

    private async Task<RpcException> FailAsync(EchoRequest request) => await Assert.ThrowsAsync<RpcException>(
        async () => await peer.Channel.CallUnaryAsync(EchoMethods.Say, request, cancellationToken: Token));

    /// <summary>One python server and one channel to it for the whole class.</summary>
    public sealed class Peer : IAsyncLifetime
    {
        private PythonPeer? _python;
        private GrpcChannel? _channel;

        public GrpcChannel Channel
        {
            get
            {
                Assert.SkipWhen(_channel is null, PythonPeer.Missing ?? "");
                return _channel;
            }
        }

        public async ValueTask InitializeAsync()
        {
            if (PythonPeer.Missing is not null)
            {
                return;
            }

            _python = await PythonPeer.StartAsync("peer_server.py");
            _channel = new GrpcChannel(new Uri($"http://127.0.0.1:{await _python.ReadLineAsync()}"));
        }

        public ValueTask DisposeAsync()
        {
            _channel?.Dispose();
            _python?.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
