using Google.Protobuf;
using Kv.Rpc.Client;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>Our client against our server: the four kinds of calls, statuses and metadata.</summary>
public sealed class CallKindTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Unary_ARequest_BringsItsResponse()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        EchoResponse response = await server.Channel().CallUnaryAsync(
            EchoMethods.Say, new EchoRequest { Text = "hi" }, cancellationToken: Token);
        Assert.Equal("hi", response.Text);
    }

    [Fact]
    public async Task Unary_ManyAtOnceOnOneConnection_EachGetsItsOwnResponse()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        GrpcChannel channel = server.Channel();
        Task<EchoResponse>[] calls = [.. Enumerable.Range(0, 500).Select(i =>
            channel.CallUnaryAsync(
                EchoMethods.Say, new EchoRequest { Text = $"{i}" }, cancellationToken: Token).AsTask())];
        EchoResponse[] responses = await Task.WhenAll(calls);
        Assert.Equal(Enumerable.Range(0, 500).Select(i => $"{i}"), responses.Select(r => r.Text));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16 * 1024)]
    [InlineData(1024 * 1024)]
    [InlineData((4 * 1024 * 1024) - 16)]
    public async Task Unary_PayloadOfAnySizeUpToTheLimit_ComesBackWhole(int size)
    {
        await using EchoServer server = await EchoServer.StartAsync();
        byte[] payload = new byte[size];
        new Random(size).NextBytes(payload);
        EchoRequest request = new() { Payload = ByteString.CopyFrom(payload) };
        EchoResponse response = await server.Channel().CallUnaryAsync(
            EchoMethods.Say, request, cancellationToken: Token);
        Assert.Equal(payload, response.Payload.ToByteArray());
    }

    [Fact]
    public async Task ServerStreaming_CountAsked_BringsThatManyInOrder()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        List<int> indexes = [];
        await foreach (EchoResponse response in server.Channel().CallServerStreamingAsync(
            EchoMethods.Repeat, new EchoRequest { Count = 1000 }, cancellationToken: Token))
        {
            indexes.Add(response.Index);
        }

        Assert.Equal(Enumerable.Range(0, 1000), indexes);
    }

    [Fact]
    public async Task ServerStreaming_NoneAsked_EndsWithOk()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        int count = 0;
        await foreach (EchoResponse _ in server.Channel().CallServerStreamingAsync(
            EchoMethods.Repeat, new EchoRequest(), cancellationToken: Token))
        {
            count++;
        }

        Assert.Equal(0, count);
    }

    [Fact]
    public async Task ServerStreaming_FailsAfterResponses_BringsThemAndThenTheStatus()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        int count = 0;
        RpcException failure = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            EchoRequest request = new() { Count = 3, FailCode = (int)StatusCode.DataLoss, Text = "gone" };
            await foreach (EchoResponse _ in server.Channel().CallServerStreamingAsync(
                EchoMethods.Repeat, request, cancellationToken: Token))
            {
                count++;
            }
        });
        Assert.Equal(3, count);
        Assert.Equal((StatusCode.DataLoss, "gone"), (failure.StatusCode, failure.Detail));
    }

    [Fact]
    public async Task ClientStreaming_ManyRequests_BringOneResponse()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenClientStreamingAsync(EchoMethods.Collect, cancellationToken: Token);
        await call.Requests.WriteAsync(new EchoRequest { Text = "a" }, Token);
        call.Requests.Write(new EchoRequest { Text = "b", Payload = ByteString.CopyFrom(new byte[100_000]) });
        call.Requests.Write(new EchoRequest { Text = "c" });
        EchoResponse response = await call.CompleteAsync(Token);
        Assert.Equal(("a|b|c", 100_000), (response.Text, response.Index));
    }

    [Fact]
    public async Task ClientStreaming_NoRequests_BringsTheEmptyResponse()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenClientStreamingAsync(EchoMethods.Collect, cancellationToken: Token);
        Assert.Equal("", (await call.CompleteAsync(Token)).Text);
    }

    [Fact]
    public async Task Duplex_RequestsAndResponsesInTurn_KeepTheirOrder()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        for (int i = 0; i < 100; i++)
        {
            await call.Requests.WriteAsync(new EchoRequest { Text = $"{i}" }, Token);
            EchoResponse? response = await call.Responses.ReadAsync(Token);
            Assert.Equal(($"{i}", i), (response?.Text, response?.Index));
        }

        await call.CompleteRequestsAsync(Token);
        Assert.Null(await call.Responses.ReadAsync(Token));
        Assert.Null(await call.Responses.ReadAsync(Token));
    }

    [Fact]
    public async Task Duplex_ManyMessagesUnderOneFlush_AllArriveInOrder()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        const int Requests = 2000;
        Task sending = Task.Run(
            async () =>
            {
                for (int i = 0; i < Requests; i++)
                {
                    call.Requests.Write(
                        new EchoRequest { Count = 3, Payload = ByteString.CopyFrom(new byte[i % 700]) });
                    if (i % 50 == 49)
                    {
                        await call.Requests.FlushAsync(Token);
                    }
                }

                await call.CompleteRequestsAsync(Token);
            },
            Token);
        int next = 0;
        await foreach (EchoResponse response in call.Responses.ReadAllAsync(Token))
        {
            Assert.Equal(next++, response.Index);
        }

        await sending;
        Assert.Equal(Requests * 3, next);
    }

    [Fact]
    public async Task Duplex_HandlerFailsMidway_ReaderGetsTheStatusAndWriterToo()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using var call = await server.Channel().OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        await call.Requests.WriteAsync(new EchoRequest { Text = "first" }, Token);
        Assert.NotNull(await call.Responses.ReadAsync(Token));
        await call.Requests.WriteAsync(new EchoRequest { FailCode = (int)StatusCode.Aborted, Text = "enough" }, Token);
        RpcException failure = await Assert.ThrowsAsync<RpcException>(
            async () => await call.Responses.ReadAsync(Token));
        Assert.Equal((StatusCode.Aborted, "enough"), (failure.StatusCode, failure.Detail));
        RpcException again = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            for (int i = 0; i < 100; i++)
            {
                await call.Requests.WriteAsync(new EchoRequest(), Token);
            }
        });
        Assert.Equal(StatusCode.Aborted, again.StatusCode);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("")]
    [InlineData("Ünïcödé % and \n newline")]
    public async Task Status_EveryCode_ArrivesWithItsText(string text)
    {
        await using EchoServer server = await EchoServer.StartAsync();
        GrpcChannel channel = server.Channel();
        for (int code = 1; code <= 16; code++)
        {
            RpcException failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.CallUnaryAsync(
                EchoMethods.Say, new EchoRequest { FailCode = code, Text = text }, cancellationToken: Token));
            Assert.Equal(((StatusCode)code, text), (failure.StatusCode, failure.Detail));
        }
    }

    [Fact]
    public async Task Handler_ThrowsAnotherException_ClientSeesUnknownAndNoDetailAndTheLogHasIt()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        RpcException failure = await Assert.ThrowsAsync<RpcException>(async () => await server.Channel().CallUnaryAsync(
            EchoMethods.Say, new EchoRequest { Crash = true }, cancellationToken: Token));
        Assert.Equal(StatusCode.Unknown, failure.StatusCode);
        Assert.DoesNotContain("secret", failure.Detail, StringComparison.Ordinal);
        Assert.Contains(server.Log.Lines, line => line.Text.Contains("/kv.rpc.tests.Echo/Say", StringComparison.Ordinal)
            && line.Text.Contains("secret of the handler", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Metadata_TextAndBytes_TravelBothWays()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        byte[] bytes = [0, 255, 1, 2];
        Metadata headers = new Metadata()
            .Add("X-Text", "value, with comma").Add("x-text", "second").Add("x-blob-bin", bytes);
        GrpcAnswer<EchoResponse> answer = await server.Channel().CallUnaryWithMetadataAsync(
            EchoMethods.Say, new EchoRequest { MirrorMetadata = true }, new CallOptions { Headers = headers }, Token);
        foreach (Metadata received in new[] { answer.Headers, answer.Trailers })
        {
            // HTTP may join the values of one name, and HttpClient does.
            Assert.Equal("value, with comma, second", string.Join(", ", received.GetAll("x-text").Select(e => e.Text)));
            Assert.Equal(bytes, received.GetBytes("x-blob-bin")!.Value.ToArray());
        }
    }
}
