using System.IO.Compression;
using System.Net;
using Kv.Rpc.Client;
using Kv.Rpc.Tests.Proto;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Kv.Rpc.Tests;

/// <summary>
/// Our client against servers and proxies that answer oddly: every answer becomes the status the specification names.
/// </summary>
public sealed class OddServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] Good => RawRequest.Frame(new EchoResponse { Text = "good" });

    [Theory]
    [InlineData(400, StatusCode.Internal)]
    [InlineData(401, StatusCode.Unauthenticated)]
    [InlineData(403, StatusCode.PermissionDenied)]
    [InlineData(404, StatusCode.Unimplemented)]
    [InlineData(429, StatusCode.Unavailable)]
    [InlineData(502, StatusCode.Unavailable)]
    [InlineData(503, StatusCode.Unavailable)]
    [InlineData(504, StatusCode.Unavailable)]
    [InlineData(500, StatusCode.Unknown)]
    [InlineData(302, StatusCode.Unknown)]
    public Task HttpStatus_WithoutGrpcStatus_IsMapped(int httpStatus, StatusCode expected) => ExpectAsync(
        expected,
        http =>
        {
            http.Response.StatusCode = httpStatus;
            return Task.CompletedTask;
        });

    [Fact]
    public Task HttpStatus_WithGrpcStatus_TheGrpcStatusCounts() => ExpectAsync(
        StatusCode.DataLoss,
        http =>
        {
            http.Response.StatusCode = 503;
            http.Response.Headers.GrpcStatus = "15";
            return Task.CompletedTask;
        });

    [Theory]
    [InlineData(0x0, StatusCode.Internal)]
    [InlineData(0x1, StatusCode.Internal)]
    [InlineData(0x2, StatusCode.Internal)]
    [InlineData(0x8, StatusCode.Cancelled)]
    [InlineData(0xb, StatusCode.ResourceExhausted)]
    [InlineData(0xc, StatusCode.PermissionDenied)]
    public Task Reset_BeforeTheAnswer_IsMapped(int code, StatusCode expected) => ExpectAsync(
        expected,
        http =>
        {
            http.Features.GetRequiredFeature<IHttpResetFeature>().Reset(code);
            return Task.CompletedTask;
        });

    [Fact]
    public Task Reset_InTheMiddleOfTheAnswer_IsMapped() => ExpectAsync(
        StatusCode.Cancelled,
        async http =>
        {
            http.Response.ContentType = "application/grpc";
            await http.Response.BodyWriter.WriteAsync(Good.AsMemory(0, 7));
            http.Features.GetRequiredFeature<IHttpResetFeature>().Reset(0x8);
        });

    [Fact]
    public Task ContentType_OfAWebPage_IsUnknown() => ExpectAsync(
        StatusCode.Unknown,
        async http =>
        {
            http.Response.ContentType = "text/html";
            await http.Response.WriteAsync("<html/>");
        });

    [Fact]
    public Task Trailers_Missing_IsInternal() =>
        ExpectAsync(StatusCode.Internal, http => AnswerAsync(http, Good, status: null));

    [Theory]
    [InlineData("17")]
    [InlineData("-1")]
    [InlineData("abc")]
    public Task GrpcStatus_NoKnownNumber_IsUnknown(string status) =>
        ExpectAsync(StatusCode.Unknown, http => AnswerAsync(http, Good, status));

    [Fact]
    public Task Ok_WithoutAMessage_IsInternal() => ExpectAsync(StatusCode.Internal, http => AnswerAsync(http, [], "0"));

    [Fact]
    public Task Ok_WithTwoMessages_IsInternal() =>
        ExpectAsync(StatusCode.Internal, http => AnswerAsync(http, [.. Good, .. Good], "0"));

    [Fact]
    public Task Ok_WithHalfAMessage_IsInternal() =>
        ExpectAsync(StatusCode.Internal, http => AnswerAsync(http, Good[..^1], "0"));

    [Fact]
    public Task Message_TooLong_IsResourceExhausted() =>
        ExpectAsync(StatusCode.ResourceExhausted, http => AnswerAsync(http, [0, 0xFF, 0xFF, 0xFF, 0xFF], "0"));

    [Fact]
    public Task Message_NoProtocolBuffer_IsInternal() =>
        ExpectAsync(StatusCode.Internal, http => AnswerAsync(http, RawRequest.Frame([0xFF]), "0"));

    [Fact]
    public Task Message_GzipBomb_IsResourceExhausted()
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(new byte[64 * 1024 * 1024]);
        }

        byte[] frame = RawRequest.Frame(packed.ToArray(), flag: 1);
        return ExpectAsync(
            StatusCode.ResourceExhausted,
            http =>
            {
                http.Response.Headers.GrpcEncoding = "gzip";
                return AnswerAsync(http, frame, "0");
            });
    }

    [Fact]
    public Task Encoding_Unknown_IsInternal() => ExpectAsync(
        StatusCode.Internal,
        http =>
        {
            http.Response.Headers.GrpcEncoding = "zstd";
            return AnswerAsync(http, Good, "0");
        });

    [Fact]
    public Task Headers_TooLarge_IsResourceExhausted() => ExpectAsync(
        StatusCode.ResourceExhausted,
        http =>
        {
            http.Response.Headers["x-large"] = new string('x', 15_000);
            http.Response.Headers["x-larger"] = new string('x', 15_000);
            return AnswerAsync(http, Good, "0");
        },
        new GrpcChannelOptions { MetadataBytesMax = 20 * 1024 });

    [Fact]
    public async Task TrailersOnly_WithMetadata_BringsStatusMessageAndMetadata()
    {
        RpcException e = await ExpectAsync(
            StatusCode.NotFound,
            http =>
            {
                http.Response.ContentType = "application/grpc";
                http.Response.Headers.GrpcStatus = "5";
                http.Response.Headers.GrpcMessage = "no%20such%C3%A9";
                http.Response.Headers["x-where-bin"] = "AAE";
                return Task.CompletedTask;
            });
        Assert.Equal("no suché", e.Detail);
        Assert.Equal([0, 1], e.Trailers.GetBytes("x-where-bin")!.Value.ToArray());
    }

    [Fact]
    public async Task Duplex_ServerRefusesAtOnce_OpenOrFirstUseSaysWhy()
    {
        await using WebApplication server = await StartAsync(http =>
        {
            http.Response.ContentType = "application/grpc";
            http.Response.Headers.GrpcStatus = "7";
            http.Response.Headers.GrpcMessage = "not you";
            return Task.CompletedTask;
        });
        using GrpcChannel channel = new(new Uri(server.Urls.First()));
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            using var call = await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
            for (int i = 0; i < 1000; i++)
            {
                await call.Requests.WriteAsync(new EchoRequest { Text = new string('x', 1000) }, Token);
            }

            await call.Responses.ReadAsync(Token);
        });
        Assert.Equal((StatusCode.PermissionDenied, "not you"), (e.StatusCode, e.Detail));
    }

    private static async Task AnswerAsync(HttpContext http, byte[] body, string? status)
    {
        http.Response.ContentType = "application/grpc";
        await http.Response.BodyWriter.WriteAsync(body);
        if (status is not null)
        {
            http.Response.AppendTrailer("grpc-status", status);
        }
    }

    private static async Task<RpcException> ExpectAsync(
        StatusCode expected, RequestDelegate answer, GrpcChannelOptions? options = null)
    {
        await using WebApplication server = await StartAsync(answer);
        using GrpcChannel channel = new(new Uri(server.Urls.First()), options);
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token));
        Assert.True(expected == e.StatusCode, $"{expected} expected: {e}");
        return e;
    }

    private static async Task<WebApplication> StartAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        WebApplication server = builder.Build();
        server.Run(answer);
        await server.StartAsync(Token);
        return server;
    }
}
