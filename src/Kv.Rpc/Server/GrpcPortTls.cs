using System.Security.Cryptography.X509Certificates;

namespace Kv.Rpc.Server;

/// <summary>TLS 1.2 or 1.3 on a port.</summary>
public sealed record GrpcPortTls
{
    /// <summary>Asked on every handshake, so a renewed certificate needs no restart.</summary>
    public required Func<X509Certificate2> Certificate { get; init; }

    /// <summary>When set, a client must show a certificate for client authentication that chains to one of these.
    /// Null asks for none.</summary>
    public X509Certificate2Collection? ClientRoots { get; init; }

    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
