namespace Kv.Client;

/// <summary>A store as the cluster knows it. Immutable.</summary>
public sealed record KvStoreInfo
{
    /// <summary>Its id, given once for its whole life.</summary>
    public required ulong Id { get; init; }

    /// <summary>host:port where clients reach it.</summary>
    public required string ClientAddress { get; init; }

    /// <summary>host:port where other stores reach it.</summary>
    public required string PeerAddress { get; init; }

    /// <summary>host:port of its status and metrics; empty when it has none.</summary>
    public required string HttpAddress { get; init; }

    /// <summary>Raised at each start of the store.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>Its program version; empty when not known.</summary>
    public required string Version { get; init; }
}
