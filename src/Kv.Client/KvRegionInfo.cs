namespace Kv.Client;

/// <summary>A region as placement knows it: a hint, since the stores are the truth. Immutable.</summary>
public sealed record KvRegionInfo
{
    /// <summary>Its id.</summary>
    public required ulong Id { get; init; }

    /// <summary>Its first key; empty = from the first key there can be.</summary>
    public required ReadOnlyMemory<byte> StartKey { get; init; }

    /// <summary>The key behind its last; empty = to the last key there can be.</summary>
    public required ReadOnlyMemory<byte> EndKey { get; init; }

    /// <summary>Raised by every membership change.</summary>
    public required ulong ConfVersion { get; init; }

    /// <summary>Raised by every split and merge.</summary>
    public required ulong Version { get; init; }

    /// <summary>The store that leads it; 0 = not known.</summary>
    public required ulong LeaderStoreId { get; init; }

    /// <summary>The raft term of that leader; 0 = not known.</summary>
    public required ulong Term { get; init; }

    /// <summary>The stores that hold a peer of it.</summary>
    public required IReadOnlyList<ulong> StoreIds { get; init; }
}
