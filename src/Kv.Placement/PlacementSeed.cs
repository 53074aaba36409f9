using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Placement;

/// <summary>
/// What a founder knows from the founding plan. The first placement leader writes it into the empty system region;
/// every founder holds the same, so it does not matter which of them does it.
/// </summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="Founders">The stores that founded it.</param>
/// <param name="NextId">First id that the plan did not use.</param>
/// <param name="LeaseMs">D of the Lease law.</param>
/// <param name="LeaseDriftMs">Its allowance for drift.</param>
public sealed record PlacementSeed(
    ClusterId Cluster, IReadOnlyList<StoreInfo> Founders, ulong NextId, ulong LeaseMs, ulong LeaseDriftMs);
