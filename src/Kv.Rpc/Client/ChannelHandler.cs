using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Kv.Rpc.Wire;

namespace Kv.Rpc.Client;

/// <summary>Builds the SocketsHttpHandler of one channel.</summary>
internal static class ChannelHandler
{
    public static SocketsHttpHandler Create(Uri address, GrpcChannelOptions options)
    {
        SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = options.IdleTimeout,
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            KeepAlivePingDelay = options.KeepAlivePingDelay,
            KeepAlivePingTimeout = options.KeepAlivePingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            InitialHttp2StreamWindowSize = options.StreamWindowBytes,
            EnableMultipleHttp2Connections = options.MayOpenMoreConnections,
            MaxResponseHeadersLength = Math.Max(1, options.MetadataBytesMax / 1024),
        };
        if (string.Equals(address.Scheme, Uri.UriSchemeHttps, StringComparison.OrdinalIgnoreCase))
        {
            handler.SslOptions = SslOptions(options.Tls);
        }

        return handler;
    }

    private static SslClientAuthenticationOptions SslOptions(GrpcChannelTls? tls)
    {
        SslClientAuthenticationOptions ssl = new()
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
        if (tls?.ClientCertificate is { } certificate)
        {
            ssl.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate();
        }

        if (tls?.Roots is { } roots)
        {
            ssl.RemoteCertificateValidationCallback = (_, shown, chain, errors) =>
                shown is X509Certificate2 server
                && (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None
                && CertificateCheck.IsTrusted(
                    server, roots, CertificateCheck.ServerAuthentication, chain?.ChainPolicy.ExtraStore);
        }

        return ssl;
    }
}
