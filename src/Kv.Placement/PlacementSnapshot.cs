using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Placement;

/// <summary>What the driver knows at one moment, for administration.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="Term">Term in which this driver leads.</param>
/// <param name="Complete">Every live store has reported since it took over.</param>
/// <param name="Stores">By id.</param>
/// <param name="Regions">By start key, system region first; ranges in the caller's keys.</param>
/// <param name="History">Newest last: what was decided, why, and how it ended.</param>
public sealed record PlacementSnapshot(
    ClusterId Cluster,
    ulong Term,
    bool Complete,
    IReadOnlyList<StoreStatus> Stores,
    IReadOnlyList<RegionStatus> Regions,
    IReadOnlyList<string> History);
