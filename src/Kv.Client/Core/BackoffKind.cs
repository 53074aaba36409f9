namespace Kv.Client.Core;

/// <summary>Why an operation waits before it tries again.</summary>
internal enum BackoffKind
{
    /// <summary>The region's place or range is not known, or what was known is out of date.</summary>
    RegionMiss = 0,

    /// <summary>The region has no leader that anyone knows of, or the named one does not answer.</summary>
    NoLeader = 1,

    /// <summary>A store refused for want of room.</summary>
    ServerBusy = 2,

    /// <summary>No store that holds a peer of the region can be reached.</summary>
    StoreUnreachable = 3,

    /// <summary>No store was found that runs placement.</summary>
    Placement = 4,
}
