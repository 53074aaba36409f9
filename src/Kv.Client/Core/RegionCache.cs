// Owns the regions that the client knows, ordered by start key. Invariants: no two of them overlap; an older region
// never takes the place of a newer one; the system region never enters, since its keys are not the caller's (Key law).
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal sealed class RegionCache
{
    private readonly List<CachedRegion> _ordered = [];
    private readonly Dictionary<ulong, CachedRegion> _byId = [];

    public int Count => _ordered.Count;

    /// <summary>The region that holds <paramref name="key"/>; null = not known.</summary>
    public CachedRegion? Find(ReadOnlySpan<byte> key)
    {
        int index = LastStartingAtOrBelow(key);
        return index >= 0 && _ordered[index].IsBelowEnd(key) ? _ordered[index] : null;
    }

    /// <summary>
    /// The region that holds the keys just below <paramref name="end"/> (empty = the last region); null = not known.
    /// </summary>
    public CachedRegion? FindBelow(ReadOnlySpan<byte> end)
    {
        int index = end.IsEmpty ? _ordered.Count - 1 : LastStartingAtOrBelow(end);
        if (index >= 0 && !end.IsEmpty && _ordered[index].Start.Span.SequenceEqual(end))
        {
            index--;
        }

        if (index < 0)
        {
            return null;
        }

        CachedRegion region = _ordered[index];
        bool covers = region.End.IsEmpty || (!end.IsEmpty && end.SequenceCompareTo(region.End.Span) <= 0);
        return covers ? region : null;
    }

    public CachedRegion? FindById(ulong regionId) => _byId.GetValueOrDefault(regionId);

    /// <summary>
    /// Takes what a store or placement said. Ignored when anything newer is known about the same keys. The same epoch
    /// again only renews the leader.
    /// </summary>
    public void Learn(RegionRoute route)
    {
        if (route.Region is not { Epoch: not null } message || message.Id == 0 || message.Id == RegionId.System.Value)
        {
            return;
        }

        if (!message.EndKey.IsEmpty && message.StartKey.Span.SequenceCompareTo(message.EndKey.Span) >= 0)
        {
            return;
        }

        var region = new CachedRegion(message, LeaderStore(route), route.Term);
        if (_byId.TryGetValue(region.Id, out CachedRegion? same) && !TakeOverFrom(same, region))
        {
            return;
        }

        Insert(region);
    }

    /// <summary>
    /// Lets go of a region that none of its stores knows any more; what is said next about its keys is believed.
    /// </summary>
    public void Drop(CachedRegion region)
    {
        if (!region.Dropped)
        {
            Forget(region);
            _ordered.Remove(region);
        }
    }

    /// <summary>
    /// Renews the leader of a region with the same epoch; true when the new object must still be inserted.
    /// </summary>
    private static bool TakeOverFrom(CachedRegion known, CachedRegion said)
    {
        bool newerLeader = said.LeaderStoreId != 0 && said.Term >= known.Term && !known.HasDenied(said);
        if (said.SameEpoch(known))
        {
            if (newerLeader)
            {
                known.LeaderStoreId = said.LeaderStoreId;
                known.Term = said.Term;
            }

            return false;
        }

        if (!known.IsOlderThan(said))
        {
            return false;
        }

        if (!newerLeader && known.LeaderStoreId != 0 && said.HasStore(known.LeaderStoreId))
        {
            said.LeaderStoreId = known.LeaderStoreId;
            said.Term = known.Term;
        }

        return true;
    }

    private void Insert(CachedRegion region)
    {
        int first = LastStartingAtOrBelow(region.Start.Span);
        if (first < 0 || !_ordered[first].Overlaps(region))
        {
            first++;
        }

        int end = first;
        while (end < _ordered.Count && _ordered[end].Overlaps(region))
        {
            if (!_ordered[end].IsOlderThan(region))
            {
                return;
            }

            end++;
        }

        for (int i = first; i < end; i++)
        {
            Forget(_ordered[i]);
        }

        _ordered.RemoveRange(first, end - first);
        if (_byId.TryGetValue(region.Id, out CachedRegion? elsewhere))
        {
            // The same region with an older range that does not even touch the new one.
            Forget(elsewhere);
            _ordered.Remove(elsewhere);
        }

        _ordered.Insert(LastStartingAtOrBelow(region.Start.Span) + 1, region);
        _byId[region.Id] = region;
    }

    private void Forget(CachedRegion region)
    {
        region.Dropped = true;
        _byId.Remove(region.Id);
    }

    private int LastStartingAtOrBelow(ReadOnlySpan<byte> key)
    {
        int low = 0;
        int high = _ordered.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (_ordered[middle].Start.Span.SequenceCompareTo(key) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high;
    }

    public static ulong LeaderStore(RegionRoute route)
    {
        foreach (Peer peer in route.Region.Peers)
        {
            if (peer.Id == route.LeaderPeerId)
            {
                return peer.StoreId;
            }
        }

        return 0;
    }
}
