// Decides which leaders to move: pure, so that tables test it. Leaders are spread evenly by count over the stores that
// may lead. A transfer is decided only where the counts differ by two or more, so it always lowers the sum of squares
// of the counts: no sequence of decisions can come back to where it started (no flapping).
using Kv.Base;

namespace Kv.Placement.Balance;

public static class LeaderBalance
{
    /// <summary>
    /// At most <paramref name="transfersMax"/> transfers, each with its reason. The same view gives the same answer.
    /// </summary>
    public static IReadOnlyList<LeaderTransfer> Decide(ClusterView view, int transfersMax)
    {
        var round = new Round(view, transfersMax);
        round.EmptyStoppingStores();
        round.Even();
        return round.Decided;
    }

    private sealed class Round
    {
        private readonly int _transfersMax;
        private readonly SortedDictionary<StoreId, int> _leaders = [];
        private readonly HashSet<StoreId> _stopping = [];
        private readonly List<RegionView> _movable = [];
        private readonly HashSet<RegionId> _moved = [];

        public Round(ClusterView view, int transfersMax)
        {
            _transfersMax = transfersMax;
            foreach (StoreView store in view.Stores)
            {
                if (store.MayLead)
                {
                    _leaders[store.Id] = 0;
                }
                else if (store.Stopping)
                {
                    _stopping.Add(store.Id);
                }
            }

            foreach (RegionView region in view.Regions)
            {
                // An open transfer counts as done: otherwise the next round would move a second leader for the same
                // gap.
                StoreId leads = region.MovingTo.IsNone ? region.LeaderStore : region.MovingTo;
                if (_leaders.TryGetValue(leads, out int count))
                {
                    _leaders[leads] = count + 1;
                }

                if (region.Movable)
                {
                    _movable.Add(region);
                }
            }

            _movable.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        }

        public List<LeaderTransfer> Decided { get; } = [];

        private bool Full => Decided.Count >= _transfersMax;

        public void EmptyStoppingStores()
        {
            foreach (RegionView region in _movable)
            {
                if (Full)
                {
                    return;
                }

                if (_stopping.Contains(region.LeaderStore) && FewestLeaders(region) is PeerView target)
                {
                    Move(region, target, $"store {region.LeaderStore} is stopping");
                }
            }
        }

        public void Even()
        {
            bool moved = true;
            while (!Full && moved)
            {
                moved = false;
                foreach (StoreId from in ByCountDescending())
                {
                    List<(RegionView Region, PeerView Target)>? path = PathToLower(from);
                    if (path is not null && Decided.Count + path.Count <= _transfersMax)
                    {
                        MoveAlong(path);
                        moved = true;
                        break;
                    }
                }
            }
        }

        private void MoveAlong(List<(RegionView Region, PeerView Target)> path)
        {
            StoreId first = path[0].Region.LeaderStore;
            StoreId last = path[^1].Target.Store;
            string reason = $"store {first} leads {_leaders[first]} regions, store {last} leads {_leaders[last]}";
            foreach ((RegionView region, PeerView target) in path)
            {
                Move(region, target, reason);
            }
        }

        private List<StoreId> ByCountDescending()
        {
            var stores = new List<StoreId>(_leaders.Keys);
            stores.Sort((a, b) => _leaders[a] != _leaders[b] ? _leaders[b].CompareTo(_leaders[a]) : a.CompareTo(b));
            return stores;
        }

        /// <summary>
        /// The shortest chain of transfers from a store to one that leads at least two fewer. One step, unless no
        /// region led here has a peer there; then stores between hand on what they get.
        /// </summary>
        private List<(RegionView, PeerView)>? PathToLower(StoreId from)
        {
            int lowerThan = _leaders[from] - 1;
            var cameBy = new Dictionary<StoreId, (RegionView Region, PeerView Target)>();
            var frontier = new List<StoreId> { from };
            while (frontier.Count > 0)
            {
                SortedDictionary<StoreId, (RegionView, PeerView)> steps = StepsFrom(frontier, from, cameBy);
                StoreId? best = null;
                foreach ((StoreId store, (RegionView, PeerView) step) in steps)
                {
                    cameBy[store] = step;
                    if (_leaders[store] < lowerThan && (best is not StoreId known || _leaders[store] < _leaders[known]))
                    {
                        best = store;
                    }
                }

                if (best is StoreId end)
                {
                    return Unwind(cameBy, from, end);
                }

                frontier = [.. steps.Keys];
            }

            return null;
        }

        private SortedDictionary<StoreId, (RegionView, PeerView)> StepsFrom(
            List<StoreId> frontier, StoreId origin, Dictionary<StoreId, (RegionView Region, PeerView Target)> seen)
        {
            var steps = new SortedDictionary<StoreId, (RegionView, PeerView)>();
            foreach (RegionView region in _movable)
            {
                if (_moved.Contains(region.Id) || !frontier.Contains(region.LeaderStore))
                {
                    continue;
                }

                foreach (PeerView peer in region.Peers)
                {
                    if (peer.Store != origin && CanLead(region, peer) && !seen.ContainsKey(peer.Store))
                    {
                        steps.TryAdd(peer.Store, (region, peer));
                    }
                }
            }

            return steps;
        }

        private static List<(RegionView, PeerView)> Unwind(
            Dictionary<StoreId, (RegionView Region, PeerView Target)> cameBy, StoreId from, StoreId end)
        {
            var path = new List<(RegionView, PeerView)>();
            for (StoreId at = end; at != from; at = cameBy[at].Region.LeaderStore)
            {
                path.Add(cameBy[at]);
            }

            path.Reverse();
            return path;
        }

        private PeerView? FewestLeaders(RegionView region)
        {
            PeerView? best = null;
            foreach (PeerView peer in region.Peers)
            {
                if (CanLead(region, peer) && (best is null || _leaders[peer.Store] < _leaders[best.Store]))
                {
                    best = peer;
                }
            }

            return best;
        }

        private bool CanLead(RegionView region, PeerView peer) =>
            peer.Id != region.Leader && peer.Voter && peer.UpToDate && _leaders.ContainsKey(peer.Store);

        private void Move(RegionView region, PeerView target, string reason)
        {
            StoreId from = region.LeaderStore;
            if (_leaders.TryGetValue(from, out int count))
            {
                _leaders[from] = count - 1;
            }

            _leaders[target.Store]++;
            _moved.Add(region.Id);
            Decided.Add(new LeaderTransfer(region.Id, region.Epoch, from, target.Store, target.Id, reason));
        }
    }
}
