using Kv.Protocol.V1;

namespace Kv.Placement.Founding;

/// <summary>What a store tells when a cluster is founded.</summary>
public sealed record FoundingOptions
{
    /// <summary>This store's addresses and labels; its id is not used.</summary>
    public required StoreInfo Self { get; init; }

    /// <summary>Random per start of the process.</summary>
    public required ulong Instance { get; init; }

    /// <summary>
    /// D of the Lease law and its allowance for drift, fixed for the cluster if this store coordinates its founding.
    /// </summary>
    public required ulong LeaseMs { get; init; }

    public required ulong LeaseDriftMs { get; init; }

    /// <summary>Started to join a cluster: takes part in no founding.</summary>
    public bool Joining { get; init; }

    /// <summary>The cluster this store joined, when it belongs to one that it did not found; 0 = none.</summary>
    public ulong JoinedClusterId { get; init; }

    public ulong JoinedStoreId { get; init; }

    /// <summary>Pause before a call that failed is sent again.</summary>
    public int RetryMs { get; init; } = 300;

    /// <summary>A call without an answer for this long is sent again.</summary>
    public int CallTimeoutMs { get; init; } = 5_000;

    /// <summary>How long an init waits for founders that cannot be reached before any plan is made.</summary>
    public int InspectTimeoutMs { get; init; } = 20_000;
}
