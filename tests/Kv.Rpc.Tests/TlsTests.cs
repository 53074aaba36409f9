using System.Net;
using System.Security.Cryptography.X509Certificates;
using Kv.Rpc.Client;
using Kv.Rpc.Server;
using Kv.Rpc.Tests.Proto;

namespace Kv.Rpc.Tests;

/// <summary>TLS on ports and channels, with certificates on one side or both.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly TestCertificates _certificates = new();
    private readonly TestCertificates _strangers = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _certificates.Dispose();
        _strangers.Dispose();
    }

    [Fact]
    public async Task Server_WithACertificateOfARootWeTrust_IsCalled()
    {
        GrpcChannelTls tls = new() { Roots = _certificates.Roots };
        Assert.Null(await CallAsync(_certificates.Server(), clientRoots: null, tls));
    }

    [Fact]
    public async Task Server_OfAnotherRootOrNameOrTime_IsNotTrusted()
    {
        X509Certificate2[] bad =
        [
            _strangers.Server(),
            _certificates.Server(IPAddress.Parse("127.0.0.9")),
            _certificates.Server(age: TimeSpan.FromDays(10)),
            _certificates.Client(),
        ];
        foreach (X509Certificate2 certificate in bad)
        {
            RpcException? e = await CallAsync(certificate, null, new GrpcChannelTls { Roots = _certificates.Roots });
            Assert.Equal(StatusCode.Unavailable, e?.StatusCode);
        }

        // Without roots of our own the system's decide, and they do not know this one.
        RpcException? unknown = await CallAsync(_certificates.Server(), null, new GrpcChannelTls());
        Assert.Equal(StatusCode.Unavailable, unknown?.StatusCode);
    }

    [Fact]
    public async Task Server_UnderAnotherName_IsTrustedWhenTheChannelAsksForThatName()
    {
        X509Certificate2 certificate = _certificates.Server(IPAddress.Parse("127.0.0.9"));
        GrpcChannelTls tls = new() { Roots = _certificates.Roots, ServerName = "server.test" };
        Assert.Null(await CallAsync(certificate, null, tls));
        RpcException? e = await CallAsync(certificate, null, tls with { ServerName = "other.test" });
        Assert.Equal(StatusCode.Unavailable, e?.StatusCode);
    }

    [Fact]
    public async Task Client_WithACertificateOfTheRootAskedFor_IsServed()
    {
        X509Certificate2 client = _certificates.Client();
        GrpcChannelTls tls = new() { Roots = _certificates.Roots, ClientCertificate = () => client };
        Assert.Null(await CallAsync(_certificates.Server(), _certificates.Roots, tls));
    }

    [Fact]
    public async Task Client_WithNoOrAnotherOrAnOldOrAServersCertificate_IsRefused()
    {
        X509Certificate2?[] bad =
        [
            null, _strangers.Client(), _certificates.Client(age: TimeSpan.FromDays(10)), _certificates.Server(),
        ];
        foreach (X509Certificate2? certificate in bad)
        {
            GrpcChannelTls tls = new()
            {
                Roots = _certificates.Roots, ClientCertificate = certificate is null ? null : () => certificate,
            };
            RpcException? e = await CallAsync(_certificates.Server(), _certificates.Roots, tls);
            Assert.Equal(StatusCode.Unavailable, e?.StatusCode);
        }
    }

    [Fact]
    public async Task PlainChannel_ToATlsPortAndTheReverse_IsUnavailable()
    {
        X509Certificate2 certificate = _certificates.Server();
        GrpcPortTls tls = new() { Certificate = () => certificate };
        await using EchoServer secure = await EchoServer.StartAsync(tls: tls);
        await using EchoServer plain = await EchoServer.StartAsync();
        foreach (string address in new[] { $"http://{secure.EndPoint}", $"https://{plain.EndPoint}" })
        {
            using GrpcChannel channel = new(new Uri(address));
            RpcException e = await Assert.ThrowsAsync<RpcException>(
                async () => await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token));
            Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        }
    }

    /// <summary>Null is success.</summary>
    private static async Task<RpcException?> CallAsync(
        X509Certificate2 server, X509Certificate2Collection? clientRoots, GrpcChannelTls channelTls)
    {
        GrpcPortTls tls = new() { Certificate = () => server, ClientRoots = clientRoots };
        await using EchoServer echo = await EchoServer.StartAsync(tls: tls);
        GrpcChannelOptions options = new() { Tls = channelTls };
        using GrpcChannel channel = new(new Uri($"https://{echo.EndPoint}"), options);
        try
        {
            await channel.CallUnaryAsync(EchoMethods.Say, new EchoRequest(), cancellationToken: Token);
            using var call = await channel.OpenDuplexAsync(EchoMethods.Chat, cancellationToken: Token);
            await call.Requests.WriteAsync(new EchoRequest { Text = "x" }, Token);
            Assert.Equal("x", (await call.Responses.ReadAsync(Token))?.Text);
            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }
}
