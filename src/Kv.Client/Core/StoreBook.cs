// Owns what the client knows of stores: where each is, and one lane per address. Invariant: a store's newest
// incarnation wins.
// Lanes are kept in the order in which they were met, so that nothing depends on the order of a hash table.
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal sealed class StoreBook
{
    // Far more stores than one cluster has; a flood of addresses must not grow the book without end.
    private const int LanesMax = 4096;

    private readonly Dictionary<string, StoreLane> _byAddress = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, (StoreInfo Info, StoreLane Lane)> _byId = [];
    private readonly List<StoreLane> _lanes = [];

    public StoreBook(IReadOnlyList<string> seeds)
    {
        foreach (string seed in seeds)
        {
            LaneAt(seed);
        }

        Invariant.Require(_lanes.Count > 0);
    }

    public List<StoreLane> Lanes => _lanes;

    public StoreLane? LaneOf(ulong storeId) =>
        storeId != 0 && _byId.TryGetValue(storeId, out (StoreInfo Info, StoreLane Lane) entry) ? entry.Lane : null;

    public StoreLane? FindLane(string address) => _byAddress.GetValueOrDefault(address);

    public void Learn(StoreInfo info)
    {
        if (info.Id == 0 || info.ClientAddress.Length == 0)
        {
            return;
        }

        if (_byId.TryGetValue(info.Id, out (StoreInfo Info, StoreLane Lane) known)
            && (known.Info.Incarnation > info.Incarnation
                || string.Equals(known.Info.ClientAddress, info.ClientAddress, StringComparison.Ordinal)))
        {
            if (info.Incarnation > known.Info.Incarnation)
            {
                _byId[info.Id] = (info, known.Lane);
            }

            return;
        }

        if (LaneAt(info.ClientAddress) is { } lane)
        {
            lane.StoreId = info.Id;
            _byId[info.Id] = (info, lane);
        }
    }

    private StoreLane? LaneAt(string address)
    {
        if (!_byAddress.TryGetValue(address, out StoreLane? lane) && _lanes.Count < LanesMax)
        {
            lane = new StoreLane(address);
            _byAddress.Add(address, lane);
            _lanes.Add(lane);
        }

        return lane;
    }
}
