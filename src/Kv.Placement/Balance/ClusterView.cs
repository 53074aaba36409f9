using Kv.Base;
using Kv.Protocol;

namespace Kv.Placement.Balance;

/// <summary>
/// What a scheduling function sees: stores and regions at one moment. A value; nothing in it changes.
/// </summary>
/// <param name="Stores">In order of id.</param>
/// <param name="Regions">In order of id; only regions with a known leader.</param>
public sealed record ClusterView(IReadOnlyList<StoreView> Stores, IReadOnlyList<RegionView> Regions);

/// <param name="Id">The store.</param>
/// <param name="Up">It has reported within its lease.</param>
/// <param name="Stopping">It is stopping and wants to lead nothing.</param>
public sealed record StoreView(StoreId Id, bool Up, bool Stopping)
{
    /// <summary>Whether leaders may be moved here.</summary>
    public bool MayLead => Up && !Stopping;
}

/// <param name="Id">The region.</param>
/// <param name="Epoch">Its newest known epoch; a step computed from this view names it.</param>
/// <param name="Leader">The peer that leads it.</param>
/// <param name="MovingTo">The store that an open transfer moves its leader to; none = no open transfer.</param>
/// <param name="Resting">A transfer of it failed lately: leave it alone for now.</param>
/// <param name="Peers">All peers.</param>
public sealed record RegionView(
    RegionId Id,
    RegionEpoch Epoch,
    PeerId Leader,
    StoreId MovingTo,
    bool Resting,
    IReadOnlyList<PeerView> Peers)
{
    public StoreId LeaderStore
    {
        get
        {
            foreach (PeerView peer in Peers)
            {
                if (peer.Id == Leader)
                {
                    return peer.Store;
                }
            }

            return default;
        }
    }

    /// <summary>Whether its leader may be moved now.</summary>
    public bool Movable => MovingTo.IsNone && !Resting;
}

/// <param name="Id">The peer.</param>
/// <param name="Store">The store that holds it.</param>
/// <param name="Voter">A full voter, not a learner and not on its way in or out.</param>
/// <param name="UpToDate">Its own store has reported it and it is close behind the leader.</param>
public sealed record PeerView(PeerId Id, StoreId Store, bool Voter, bool UpToDate);
