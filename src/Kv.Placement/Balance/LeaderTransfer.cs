using Kv.Base;
using Kv.Protocol;

namespace Kv.Placement.Balance;

/// <summary>
/// A decision: move this region's leader there, and why. Void in any other epoch (System region law).
/// </summary>
public sealed record LeaderTransfer(
    RegionId Region,
    RegionEpoch Epoch,
    StoreId From,
    StoreId To,
    PeerId ToPeer,
    string Reason);
