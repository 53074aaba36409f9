using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Kv.Rpc.Client;
using Kv.Rpc.Server;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>What clients get wrong, by mistake or on purpose: each gets its answer, and the next call works.</summary>
public sealed class BadRequestTests
{
    private const string Say = "/kv.rpc.tests.Echo/Say";
    private const string Chat = "/kv.rpc.tests.Echo/Chat";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] Good => RawRequest.Frame(new EchoRequest { Text = "good" });

    [Theory]
    [InlineData("application/json", 415)]
    [InlineData("application/grpc-web", 415)]
    [InlineData("application/grpc+json", 415)]
    [InlineData(null, 415)]
    [InlineData("application/grpc+proto", 200)]
    public async Task ContentType_NotGrpc_IsRefusedWith415(string? contentType, int status)
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using RawRequest raw = new(server.Address);
        Assert.Equal(status, (await raw.SendAsync(Say, Good, contentType: contentType)).HttpStatus);
    }

    [Fact]
    public async Task Method_NotPost_IsRefusedWith405()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using RawRequest raw = new(server.Address);
        Assert.Equal(405, (await raw.SendAsync(Say, [], method: "GET")).HttpStatus);
    }

    [Fact]
    public async Task TeTrailers_Missing_IsRefused()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using RawRequest raw = new(server.Address);
        RawAnswer answer = await raw.SendAsync(Say, Good, te: null);
        Assert.Equal((400, "13"), (answer.HttpStatus, answer.GrpcStatus));
    }

    [Theory]
    [InlineData("/kv.rpc.tests.Echo/Shout")]
    [InlineData("/kv.rpc.tests.Nobody/Say")]
    [InlineData("/kv.rpc.tests.echo/say")]
    [InlineData("/")]
    [InlineData("/Say")]
    [InlineData("/kv.rpc.tests.Echo/Say/more")]
    public async Task Path_Unknown_IsUnimplemented(string path)
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using RawRequest raw = new(server.Address);
        RawAnswer answer = await raw.SendAsync(path, Good);
        Assert.Equal((200, "12"), (answer.HttpStatus, answer.GrpcStatus));
    }

    [Theory]
    [InlineData("1s", "13")]
    [InlineData("100000000n", "13")]
    [InlineData("-1S", "13")]
    [InlineData("0n", "4")]
    [InlineData("99999999H", "0")]
    public async Task Timeout_MalformedOrOver_IsAnswered(string timeout, string status)
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using RawRequest raw = new(server.Address);
        Assert.Equal(status, (await raw.SendAsync(Say, Good, [("grpc-timeout", timeout)])).GrpcStatus);
    }

    [Fact]
    public async Task Encoding_Unknown_IsUnimplementedAndTheKnownOnesAreNamed()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using RawRequest raw = new(server.Address);
        RawAnswer answer = await raw.SendAsync(Say, Good, [("grpc-encoding", "zstd")]);
        Assert.Equal(("12", "identity,gzip"), (answer.GrpcStatus, answer.AcceptEncoding));
    }

    public static TheoryData<string, byte[], string?, string> BadBodies()
    {
        byte[] good = Good;
        TheoryData<string, byte[], string?, string> rows = new()
        {
            { "no message", [], null, "13" },
            { "half a prefix", [0, 0, 0], null, "13" },
            { "half a message", good[..^1], null, "13" },
            { "two messages", [.. good, .. good], null, "13" },
            { "bytes after the message", [.. good, 0], null, "13" },
            { "flag 2", [2, .. good[1..]], null, "13" },
            { "compressed without encoding", [1, .. good[1..]], null, "13" },
            { "compressed with identity", [1, .. good[1..]], "identity", "13" },
            { "compressed, but no gzip", [1, .. good[1..]], "gzip", "13" },
            { "length over the limit", [0, 0, 64, 0, 1], null, "8" },
            { "length of 2 GiB - 1", [0, 0x7F, 0xFF, 0xFF, 0xFF], null, "8" },
            { "length of 4 GiB - 1", [0, 0xFF, 0xFF, 0xFF, 0xFF], null, "8" },
            { "truncated varint", RawRequest.Frame([0x18, 0xFF]), null, "13" },
            { "varint of 11 bytes", RawRequest.Frame([0x18, .. Enumerable.Repeat((byte)0xFF, 10), 1]), null, "13" },
            { "length past the end", RawRequest.Frame([0x0A, 0x7F, 0x41]), null, "13" },
            { "end group without group", RawRequest.Frame([0x0C]), null, "13" },
            { "tag zero", RawRequest.Frame([0x00]), null, "13" },
            { "invalid UTF-8", RawRequest.Frame([0x0A, 1, 0xFF]), null, "0" },
            { "nested 100,000 deep", RawRequest.Frame(Nested(100_000)), null, "13" },
            { "groups 100,000 deep", RawRequest.Frame([.. Enumerable.Repeat((byte)0x7B, 100_000)]), null, "13" },
            { "gzip bomb", RawRequest.Frame(Gzip(new byte[64 * 1024 * 1024]), flag: 1), "gzip", "8" },
            { "gzip cut short", RawRequest.Frame(Gzip(new byte[5000])[..^9], flag: 1), "gzip", "13" },
        };
        return rows;
    }

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task Body_Malformed_GetsItsStatusAndTheNextCallWorks(
        string what, byte[] body, string? encoding, string status)
    {
        await using EchoServer server = await EchoServer.StartAsync();
        using RawRequest raw = new(server.Address);
        (string, string)[] headers = encoding is null ? [] : [("grpc-encoding", encoding)];
        RawAnswer answer = await raw.SendAsync(Say, body, headers);
        Assert.True(status == answer.GrpcStatus, $"{what}: {answer}");
        if (what is not ("no message" or "two messages" or "bytes after the message"))
        {
            answer = await raw.SendAsync(Chat, body, headers);
            Assert.True(status == answer.GrpcStatus, $"{what} on a stream: {answer}");
        }

        Assert.Equal("0", (await raw.SendAsync(Say, Good)).GrpcStatus);
    }

    [Fact]
    public async Task Message_OverTheServersLimit_IsResourceExhausted()
    {
        GrpcPortOptions options = new() { ReceiveMessageBytesMax = 1000 };
        await using EchoServer server = await EchoServer.StartAsync(options);
        GrpcChannel channel = server.Channel();
        EchoRequest request = new() { Payload = ByteString.CopyFrom(new byte[1000]) };
        foreach (bool compress in new[] { false, true })
        {
            RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await channel.CallUnaryAsync(
                EchoMethods.Say, request, new CallOptions { CompressRequests = compress }, Token));
            Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        }

        using var call = await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        await call.Requests.WriteAsync(request, Token);
        RpcException streamed = await Assert.ThrowsAsync<RpcException>(
            async () => await call.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.ResourceExhausted, streamed.StatusCode);
    }

    [Fact]
    public async Task Response_OverTheServersLimit_IsResourceExhausted()
    {
        await using EchoServer server = await EchoServer.StartAsync(new GrpcPortOptions { SendMessageBytesMax = 1000 });
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await server.Channel().CallUnaryAsync(
            EchoMethods.Say, new EchoRequest { ResponseBytes = 1000 }, cancellationToken: Token));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            EchoRequest request = new() { Count = 1, ResponseBytes = 1000 };
            await foreach (EchoResponse _ in server.Channel().CallServerStreamingAsync(
                EchoMethods.Repeat, request, cancellationToken: Token))
            {
                Assert.Fail("a response came");
            }
        });
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    [Fact]
    public async Task Response_OverTheClientsLimit_IsResourceExhausted()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        GrpcChannel channel = server.Channel(new GrpcChannelOptions { ReceiveMessageBytesMax = 1000 });
        foreach (bool compress in new[] { false, true })
        {
            EchoRequest request = new() { ResponseBytes = 1000, Compress = compress };
            RpcException e = await Assert.ThrowsAsync<RpcException>(
                async () => await channel.CallUnaryAsync(EchoMethods.Say, request, cancellationToken: Token));
            Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        }
    }

    [Fact]
    public async Task Request_OverTheClientsOwnLimit_IsNotSentAndAStreamGoesOn()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        GrpcChannel channel = server.Channel(new GrpcChannelOptions { SendMessageBytesMax = 1000 });
        EchoRequest large = new() { Payload = ByteString.CopyFrom(new byte[1000]) };
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CallUnaryAsync(EchoMethods.Say, large, cancellationToken: Token));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        using var call = await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
        Assert.Throws<RpcException>(() => call.Requests.Write(large));
        await call.Requests.WriteAsync(new EchoRequest { Text = "still here" }, Token);
        Assert.Equal("still here", (await call.Responses.ReadAsync(Token))?.Text);
    }

    [Fact]
    public async Task Gzip_BothWays_CarriesTheMessages()
    {
        await using EchoServer server = await EchoServer.StartAsync(new GrpcPortOptions { CompressResponses = true });
        using RawRequest raw = new(server.Address);
        EchoRequest request = new() { Text = new string('x', 100_000) };
        RawAnswer answer = await raw.SendAsync(
            Say,
            RawRequest.Frame(Gzip(request.ToByteArray()), flag: 1),
            [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity, gzip")]);
        Assert.Equal(("0", 1), (answer.GrpcStatus, answer.Body[0]));
        Assert.True(answer.Body.Length < 2000, $"{answer.Body.Length} bytes");

        // A client that does not accept gzip does not get it.
        answer = await raw.SendAsync(Say, RawRequest.Frame(request));
        Assert.Equal(("0", 0), (answer.GrpcStatus, answer.Body[0]));

        EchoResponse response = await server.Channel().CallUnaryAsync(
            EchoMethods.Say, request, new CallOptions { CompressRequests = true }, Token);
        Assert.Equal(request.Text, response.Text);
        using var call = await server.Channel().OpenDuplexAsync(
            EchoMethods.Chat, new CallOptions { CompressRequests = true }, Token);
        await call.Requests.WriteAsync(request, Token);
        Assert.Equal(request.Text, (await call.Responses.ReadAsync(Token))?.Text);
    }

    [Fact]
    public async Task Headers_OverKestrelsLimit_EndTheCallOnly()
    {
        await using EchoServer server = await EchoServer.StartAsync();
        GrpcChannel channel = server.Channel();
        Metadata large = new Metadata().Add("x-large", new string('x', 100_000));
        await Assert.ThrowsAsync<RpcException>(async () => await channel.CallUnaryAsync(
            EchoMethods.Say, new EchoRequest(), new CallOptions { Headers = large }, Token));
        await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token);
    }

    [Theory]
    [InlineData("")]
    [InlineData("PRI * HTT")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001 tls hello to a plain port, padded to more than the preface")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u00ff\u00ff\u00ff\u0000\u0000\u0000\u0000\u0000\u0000")]
    public async Task Connection_ThatDoesNotSpeakHttp2_IsClosed(string sent)
    {
        GrpcPortOptions options = new() { FirstBytesTimeout = TimeSpan.FromMilliseconds(300) };
        await using EchoServer server = await EchoServer.StartAsync(options);
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.EndPoint, Token);
        await socket.SendAsync(Encoding.Latin1.GetBytes(sent), Token);
        string answer = await ReadToEndAsync(socket).WaitAsync(TimeSpan.FromSeconds(20), Token);
        if (sent.StartsWith("GET", StringComparison.Ordinal))
        {
            Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        }

        await server.Channel().CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token);
    }

    [Fact]
    public async Task Connections_OverThePortsLimit_AreClosedAndOthersGoOn()
    {
        GrpcPortOptions options = new() { ConnectionsMax = 2, FirstBytesTimeout = TimeSpan.FromMinutes(5) };
        await using EchoServer server = await EchoServer.StartAsync(options);
        GrpcChannel channel = server.Channel();
        await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token);
        using Socket second = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await second.ConnectAsync(server.EndPoint, Token);
        using Socket third = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await third.ConnectAsync(server.EndPoint, Token);
        // One of the two is over the limit: whichever the server looked at last.
        Task closed = Task.WhenAny(ReadToEndAsync(second), ReadToEndAsync(third));
        await closed.WaitAsync(TimeSpan.FromSeconds(20), Token);
        await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token);
    }

    [Fact]
    public void Address_NotOfAServer_IsRefused()
    {
        foreach (string address in new[] { "ftp://x:1", "http://x:1/path", "http://x:1/?q" })
        {
            Assert.Throws<ArgumentException>(() => new GrpcChannel(new Uri(address)));
        }
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        byte[] buffer = new byte[4096];
        StringBuilder text = new();
        try
        {
            while (await socket.ReceiveAsync(buffer, Token) is int read and > 0)
            {
                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (SocketException)
        {
            // A reset is an end too.
        }

        return text.ToString();
    }

    private static byte[] Nested(int depth)
    {
        // Built from the inside out: field 8, a length, what is inside.
        List<byte> reversed = [];
        for (int i = 0; i < depth; i++)
        {
            int length = reversed.Count;
            List<byte> prefix = [(8 << 3) | 2];
            for (; length >= 0x80; length >>= 7)
            {
                prefix.Add((byte)(length | 0x80));
            }

            prefix.Add((byte)length);
            prefix.Reverse();
            reversed.AddRange(prefix);
        }

        reversed.Reverse();
        return [.. reversed];
    }

    private static byte[] Gzip(byte[] plain)
    {
        using MemoryStream target = new();
        using (GZipStream gzip = new(target, CompressionLevel.Fastest))
        {
            gzip.Write(plain);
        }

        return target.ToArray();
    }
}
