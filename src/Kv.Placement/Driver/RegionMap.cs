// Owns the map from keys to regions, built from the stores' reports alone (System region law).
// Invariants: ranges of entries never overlap; per region neither epoch nor term ever goes back (an older epoch never
// overwrites a newer one); of two overlapping regions the one with the higher Version stays, since splits and merges
// raise it.
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;

namespace Kv.Placement.Driver;

internal sealed class RegionMap
{
    private readonly SortedDictionary<RegionId, RegionEntry> _byId = [];
    private readonly List<RegionEntry> _byStart = [];

    public int Count => _byId.Count;

    public IReadOnlyCollection<RegionEntry> All => _byId.Values;

    /// <summary>Entries in key order.</summary>
    public IReadOnlyList<RegionEntry> ByStart => _byStart;

    public RegionEntry? Find(RegionId id) => _byId.GetValueOrDefault(id);

    public void Clear()
    {
        _byId.Clear();
        _byStart.Clear();
    }

    /// <summary>The entry that holds the key; null = not known.</summary>
    public RegionEntry? Containing(ReadOnlySpan<byte> internalKey)
    {
        int index = LastStartingAtOrBefore(internalKey);
        return index >= 0 && _byStart[index].Descriptor.Contains(internalKey) ? _byStart[index] : null;
    }

    /// <summary>Index in <see cref="ByStart"/> of the last entry that starts at or before the key; -1 = none.</summary>
    public int LastStartingAtOrBefore(ReadOnlySpan<byte> internalKey)
    {
        int low = 0;
        int high = _byStart.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_byStart[middle].Descriptor.Start.AsSpan().SequenceCompareTo(internalKey) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }

    /// <summary>Takes one report of one peer. True = what clients see (range, epoch, peers, leader) changed.</summary>
    public bool Apply(StoreId from, RegionReport report)
    {
        RegionDescriptor descriptor = RegionDescriptor.FromMessage(report.Region);
        bool changed = TakeDescriptor(descriptor);
        RegionEntry? entry = Find(descriptor.Id);
        if (entry is null)
        {
            return changed;
        }

        if (entry.Descriptor.Epoch == descriptor.Epoch)
        {
            entry.AppliedByStore[from] = report.Applied;
        }

        changed |= TakeLeader(entry, from, report);
        return changed;
    }

    /// <summary>
    /// After a full report: what the store did not name, it does not hold. Returns regions that thereby lost their
    /// leader.
    /// </summary>
    public List<RegionId> Forget(StoreId store, HashSet<RegionId> reported)
    {
        var changed = new List<RegionId>();
        foreach (RegionEntry entry in _byId.Values)
        {
            if (reported.Contains(entry.Descriptor.Id))
            {
                continue;
            }

            entry.AppliedByStore.Remove(store);
            if (!entry.Leader.IsNone && entry.LeaderStore == store)
            {
                entry.Leader = default;
                changed.Add(entry.Descriptor.Id);
            }
        }

        return changed;
    }

    private bool TakeDescriptor(RegionDescriptor descriptor)
    {
        RegionEntry? known = Find(descriptor.Id);
        if (known is not null && !descriptor.Epoch.IsNewerThan(known.Descriptor.Epoch))
        {
            return false;
        }

        List<RegionEntry> overlapped = Overlapping(descriptor);
        foreach (RegionEntry other in overlapped)
        {
            if (other != known && other.Descriptor.Epoch.Version >= descriptor.Epoch.Version)
            {
                return false;
            }
        }

        foreach (RegionEntry other in overlapped)
        {
            if (other != known)
            {
                Remove(other);
            }
        }

        if (known is null)
        {
            known = new RegionEntry(descriptor);
            _byId.Add(descriptor.Id, known);
        }
        else
        {
            _byStart.Remove(known);
            known.Descriptor = descriptor;
        }

        _byStart.Insert(LastStartingAtOrBefore(descriptor.Start) + 1, known);
        return true;
    }

    private static bool TakeLeader(RegionEntry entry, StoreId from, RegionReport report)
    {
        // A higher term may have been nowhere but in a candidate that died before it was durable. So a term without a
        // leader does not keep out who leads in an earlier one; if that one has been deposed, the next leader says so.
        bool leadsWhereNobodyDoes = report.Leads && entry.Leader.IsNone;
        if (report.Term < entry.Term && !leadsWhereNobodyDoes)
        {
            return false;
        }

        PeerId before = entry.Leader;
        var leader = new PeerId(report.LeaderPeerId);
        if (report.Term > entry.Term)
        {
            entry.Leader = leader;
        }
        else if (entry.Leader.IsNone || (report.Leads && leader != entry.Leader))
        {
            // Raft elects one leader per term: two names in one term come from a store that is wrong about another.
            entry.Leader = leader;
        }

        entry.Term = report.Term;
        if (report.Leads || (entry.LeaderStore == from && !entry.Leader.IsNone))
        {
            entry.Bytes = report.Bytes;
            entry.Keys = report.Keys;
            entry.Asleep = report.Asleep;
            entry.Committed = report.Committed;
            entry.Applied = report.Applied;
        }

        return entry.Leader != before;
    }

    private List<RegionEntry> Overlapping(RegionDescriptor descriptor)
    {
        var found = new List<RegionEntry>();
        int index = Math.Max(0, LastStartingAtOrBefore(descriptor.Start));
        for (; index < _byStart.Count; index++)
        {
            RegionDescriptor other = _byStart[index].Descriptor;
            if (other.Start.AsSpan().SequenceCompareTo(descriptor.End) >= 0)
            {
                break;
            }

            if (descriptor.Start.AsSpan().SequenceCompareTo(other.End) < 0)
            {
                found.Add(_byStart[index]);
            }
        }

        return found;
    }

    private void Remove(RegionEntry entry)
    {
        _byId.Remove(entry.Descriptor.Id);
        Invariant.Require(_byStart.Remove(entry));
    }
}
