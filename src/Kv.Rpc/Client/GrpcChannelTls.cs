using System.Security.Cryptography.X509Certificates;

namespace Kv.Rpc.Client;

/// <summary>TLS of an https channel.</summary>
public sealed record GrpcChannelTls
{
    /// <summary>The server's certificate must chain to one of these. Null trusts the system's roots.</summary>
    public X509Certificate2Collection? Roots { get; init; }

    /// <summary>Shown to servers that ask for one, by each new connection. Null shows none.</summary>
    public Func<X509Certificate2>? ClientCertificate { get; init; }

    /// <summary>The name the server's certificate must carry, also sent as the calls' authority. Null is the name in
    /// the channel's address.</summary>
    public string? ServerName { get; init; }
}
