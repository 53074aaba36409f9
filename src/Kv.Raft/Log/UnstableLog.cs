// Owns what the core has accepted and the store's own log does not yet hold durably: a suffix of entries, perhaps a
// snapshot below it, and the writes under way. Invariants:
//   _entries[i].Index = Offset + i; the first _handedCount of them are part of writes under way;
//   writes complete in the order they were handed out; a write vouches for no entry that was overwritten after it
//   (row B6).
using Kv.Base;

namespace Kv.Raft;

internal sealed class UnstableLog(LogIndex offset)
{
    private const int KeptCapacity = 64;

    private List<Entry>? _entries;
    private List<PendingWrite>? _writes;
    private int _handedCount;
    private bool _snapshotHanded;

    /// <summary>Every place below is durable in storage (or is replaced by <see cref="Snapshot"/>); entries start
    /// here.</summary>
    public LogIndex Offset { get; private set; } = offset;

    /// <summary>A snapshot taken over the log and not yet reported durable; the log then begins just above
    /// it.</summary>
    public SnapshotMeta? Snapshot { get; private set; }

    public int Count => _entries?.Count ?? 0;

    public bool HasUnhanded => Count > _handedCount || (Snapshot is not null && !_snapshotHanded);

    public bool HasPendingWrites => _writes is { Count: > 0 };

    /// <summary>The last entry's index; just below <see cref="Offset"/> when there is none.</summary>
    public LogIndex LastIndex => Offset + (ulong)Count - 1;

    public Entry At(LogIndex index)
    {
        Invariant.Require(index >= Offset && index <= LastIndex && _entries is not null);
        return _entries[(int)(index - Offset)];
    }

    /// <summary>
    /// Adds <paramref name="entries"/> from position <paramref name="skip"/> on, replacing whatever stands at or
    /// above the first of them, here and in storage.
    /// </summary>
    public void Append(IReadOnlyList<Entry> entries, int skip)
    {
        LogIndex first = entries[skip].Index;
        Invariant.Require(first <= LastIndex.Next(), $"append at {first} leaves a gap after {LastIndex}");
        Invariant.Require(Snapshot is null || first > Snapshot.Index);
        TruncateFrom(first);
        _entries ??= [];
        for (int i = skip; i < entries.Count; i++)
        {
            _entries.Add(entries[i]);
        }
    }

    public void Append(in Entry entry)
    {
        Invariant.Require(entry.Index == LastIndex.Next(), $"append at {entry.Index} after {LastIndex}");
        _entries ??= [];
        _entries.Add(entry);
    }

    /// <summary>Replaces everything by a snapshot.</summary>
    public void Restore(SnapshotMeta snapshot)
    {
        _entries = null;
        _handedCount = 0;
        Offset = snapshot.Index.Next();
        Snapshot = snapshot;
        _snapshotHanded = false;
        CapWrites(LogIndex.Zero, dropSnapshots: true);
    }

    /// <summary>Hands out what is new as write <paramref name="number"/>.</summary>
    public (IReadOnlyList<Entry> Entries, SnapshotMeta? Snapshot) HandOut(ulong number, HardState hardState)
    {
        SnapshotMeta? snapshot = _snapshotHanded ? null : Snapshot;
        IReadOnlyList<Entry> entries =
            Count > _handedCount ? _entries!.GetRange(_handedCount, Count - _handedCount) : [];
        _handedCount = Count;
        _snapshotHanded = Snapshot is not null;
        _writes ??= [];
        Invariant.Require(_writes.Count == 0 || _writes[^1].Number < number);
        LogIndex last = entries.Count > 0 ? entries[^1].Index : LogIndex.Zero;
        _writes.Add(new PendingWrite(number, last, snapshot is not null, hardState));
        return (entries, snapshot);
    }

    /// <summary>
    /// Write <paramref name="number"/> and all before it are durable. Returns the newest of them, or null when they
    /// were reported before. <paramref name="installed"/> is the snapshot that became durable, if one did.
    /// </summary>
    public PendingWrite? OnPersisted(ulong number, out SnapshotMeta? installed)
    {
        installed = null;
        PendingWrite? newest = null;
        while (_writes is { Count: > 0 } && _writes[0].Number <= number)
        {
            PendingWrite write = _writes[0];
            _writes.RemoveAt(0);
            newest = write;
            if (write.HasSnapshot)
            {
                Invariant.Require(Snapshot is not null && _snapshotHanded);
                installed = Snapshot;
                Snapshot = null;
                _snapshotHanded = false;
            }

            StableTo(write.Last);
        }

        if (_writes is { Count: 0 })
        {
            _writes = null;
        }

        return newest;
    }

    private void StableTo(LogIndex last)
    {
        if (last < Offset)
        {
            return;
        }

        int count = (int)(last - Offset) + 1;
        Invariant.Require(_entries is not null && count <= _handedCount, $"persisted {last} was not handed out");
        _entries.RemoveRange(0, count);
        _handedCount -= count;
        Offset = last.Next();
        if (_entries.Count == 0 && _entries.Capacity > KeptCapacity)
        {
            _entries = null;
        }
    }

    private void TruncateFrom(LogIndex first)
    {
        if (first > LastIndex)
        {
            return;
        }

        if (first < Offset)
        {
            // Storage still holds what is replaced, until the coming write: from here on it is asked only below Offset.
            Offset = first;
            _entries?.Clear();
            _handedCount = 0;
        }
        else
        {
            int kept = (int)(first - Offset);
            _entries?.RemoveRange(kept, Count - kept);
            _handedCount = Math.Min(_handedCount, kept);
        }

        CapWrites(first.Previous(), dropSnapshots: false);
    }

    private void CapWrites(LogIndex last, bool dropSnapshots)
    {
        for (int i = 0; i < (_writes?.Count ?? 0); i++)
        {
            PendingWrite write = _writes![i];
            _writes[i] = write with
            {
                Last = LogIndex.Min(write.Last, last),
                HasSnapshot = write.HasSnapshot && !dropSnapshots,
            };
        }
    }
}
