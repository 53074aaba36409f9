using System.Security.Authentication;
using Kv.Rpc.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kv.Rpc.Server;

/// <summary>
/// Puts gRPC ports into an ASP.NET application: <c>ListenGrpc</c> on Kestrel's options for each port, <c>UseGrpc</c>
/// once in the pipeline. The port a connection came in by decides which services it can reach.
/// </summary>
public static class GrpcKestrelExtensions
{
    /// <summary>Sets the HTTP/2 limits that streams of batches need.</summary>
    public static void ConfigureGrpc(this KestrelServerOptions kestrel, GrpcHttp2Options options)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        ArgumentNullException.ThrowIfNull(options);
        kestrel.AddServerHeader = false;
        KestrelServerLimits limits = kestrel.Limits;
        limits.MaxConcurrentConnections = options.ConnectionsMax;
        limits.KeepAliveTimeout = options.IdleTimeout;
        limits.MaxResponseBufferSize = options.ResponseBufferBytesMax;
        limits.Http2.InitialConnectionWindowSize = options.ConnectionWindowBytes;
        limits.Http2.InitialStreamWindowSize = options.StreamWindowBytes;
        limits.Http2.MaxFrameSize = options.FrameBytesMax;
        limits.Http2.MaxStreamsPerConnection = options.StreamsPerConnectionMax;
        limits.Http2.KeepAlivePingDelay = options.KeepAlivePingDelay;
        limits.Http2.KeepAlivePingTimeout = options.KeepAlivePingTimeout;
    }

    /// <summary>Listens for gRPC on the port. <see cref="GrpcPort.BoundEndPoint"/> holds the address once Kestrel has
    /// started. When the application stops, streaming calls end with UNAVAILABLE and unary calls finish.</summary>
    public static void ListenGrpc(this KestrelServerOptions kestrel, GrpcPort port)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        ArgumentNullException.ThrowIfNull(port);
        ILogger logger = kestrel.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("Kv.Rpc");
        GrpcRouter router = new(port.Services, port.Options, logger);
        // Kestrel waits for its calls when it stops; streams would keep it waiting for ever.
        kestrel.ApplicationServices.GetService<IHostApplicationLifetime>()?.ApplicationStopping.Register(router.StopStreams);
        kestrel.Listen(port.EndPoint, listen =>
        {
            port.Attach(listen);
            listen.Protocols = HttpProtocols.Http2;
            ConnectionGuard guard = new(port.Options, isTls: port.Tls is not null, logger);
            listen.Use(next => connection => guard.RunAsync(connection, next));
            if (port.Tls is { } tls)
            {
                listen.UseHttps(HttpsOptions(tls));
            }

            listen.Use(next => connection =>
            {
                connection.Features.Set(router);
                return next(connection);
            });
        });
    }

    /// <summary>Answers what comes in by a gRPC port; passes on what comes in by any other.</summary>
    public static IApplicationBuilder UseGrpc(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        return app.Use(
            next => http => http.Features.Get<GrpcRouter>() is { } router ? router.InvokeAsync(http) : next(http));
    }

    private static HttpsConnectionAdapterOptions HttpsOptions(GrpcPortTls tls) => new()
    {
        ServerCertificateSelector = (_, _) => tls.Certificate(),
        SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        HandshakeTimeout = tls.HandshakeTimeout,
        ClientCertificateMode = tls.ClientRoots is null
            ? ClientCertificateMode.NoCertificate : ClientCertificateMode.RequireCertificate,
        ClientCertificateValidation = tls.ClientRoots is { } roots
            ? (certificate, chain, _) => CertificateCheck.IsTrusted(
                certificate, roots, CertificateCheck.ClientAuthentication, chain?.ChainPolicy.ExtraStore)
            : null,
    };
}
