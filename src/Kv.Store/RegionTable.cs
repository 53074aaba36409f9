// Owns the map from region id and from key to the shared part of this store's peers. Read by every thread, changed only
// by copying: readers see a whole old or a whole new map.
using Kv.Base;

namespace Kv.Store;

internal sealed class RegionTable
{
    private readonly Lock _lock = new();
    private volatile Snapshot _current = new([], []);

    public IReadOnlyList<RegionHandle> All => _current.ByStart;

    public RegionHandle? Find(RegionId id) => _current.ById.GetValueOrDefault(id);

    /// <summary>The region that holds the internal key; null when no peer here does.</summary>
    public RegionHandle? FindByKey(ReadOnlySpan<byte> internalKey)
    {
        RegionHandle[] regions = _current.ByStart;
        int low = 0;
        int high = regions.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (internalKey.SequenceCompareTo(regions[middle].Descriptor.Start) < 0)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low > 0 && regions[low - 1].Descriptor.Contains(internalKey) ? regions[low - 1] : null;
    }

    public void Add(IReadOnlyList<RegionHandle> handles)
    {
        lock (_lock)
        {
            var byId = new Dictionary<RegionId, RegionHandle>(_current.ById);
            foreach (RegionHandle handle in handles)
            {
                byId.Add(handle.Id, handle);
            }

            Replace(byId);
        }
    }

    public void Remove(RegionId id)
    {
        lock (_lock)
        {
            var byId = new Dictionary<RegionId, RegionHandle>(_current.ById);
            byId.Remove(id);
            Replace(byId);
        }
    }

    private void Replace(Dictionary<RegionId, RegionHandle> byId)
    {
        RegionHandle[] byStart = [.. byId.Values];
        Array.Sort(byStart, (a, b) => a.Descriptor.Start.AsSpan().SequenceCompareTo(b.Descriptor.Start));
        for (int i = 1; i < byStart.Length; i++)
        {
            Invariant.Require(byStart[i - 1].Descriptor.End.AsSpan().SequenceCompareTo(
                byStart[i].Descriptor.Start) <= 0,
                $"{byStart[i - 1].Descriptor} and {byStart[i].Descriptor} overlap on one store");
        }

        _current = new Snapshot(byId, byStart);
    }

    private sealed record Snapshot(Dictionary<RegionId, RegionHandle> ById, RegionHandle[] ByStart);
}
