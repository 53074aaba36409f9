using Kv.Base;

namespace Kv.Raft.Tests.Harness;

/// <summary>
/// The durable image of one peer: what a crash leaves. Only completed writes reach it, whole and in order.
/// </summary>
internal sealed class MemoryLog : IRaftStorage
{
    private readonly List<Entry> _entries = [];
    private LogIndex _cutIndex;
    private Term _cutTerm;

    public HardState HardState { get; private set; }

    /// <summary>What <see cref="Snapshot"/> gives; null = none can be made now.</summary>
    public SnapshotMeta? SnapshotToSend { get; set; }

    public LogIndex FirstIndex => _cutIndex.Next();

    public LogIndex LastIndex => _cutIndex + (ulong)_entries.Count;

    public IReadOnlyList<Entry> Entries => _entries;

    public static MemoryLog Of(HardState hardState, params ReadOnlySpan<Entry> entries)
    {
        var log = new MemoryLog { HardState = hardState };
        log._entries.AddRange(entries);
        return log;
    }

    public bool TryGetTerm(LogIndex index, out Term term)
    {
        term = _cutTerm;
        if (index < _cutIndex || index > LastIndex)
        {
            return false;
        }

        if (index > _cutIndex)
        {
            term = _entries[(int)(index - _cutIndex) - 1].Term;
        }

        return true;
    }

    public bool Read(LogIndex from, LogIndex toExclusive, long bytesMax, List<Entry> output)
    {
        if (from < FirstIndex)
        {
            return false;
        }

        Assert.True(toExclusive.Value <= LastIndex.Value + 1, "the core reads only what is durable");
        long bytes = 0;
        for (LogIndex at = from; at < toExclusive; at = at.Next())
        {
            Entry entry = _entries[(int)(at - _cutIndex) - 1];
            bytes += entry.Data.Length;
            if (at != from && bytes > bytesMax)
            {
                break;
            }

            output.Add(entry);
        }

        return true;
    }

    public SnapshotMeta? Snapshot() => SnapshotToSend;

    public void Write(HardState? hardState, IReadOnlyList<Entry> entries, SnapshotMeta? snapshot)
    {
        HardState = hardState ?? HardState;
        if (snapshot is not null)
        {
            _entries.Clear();
            (_cutIndex, _cutTerm) = (snapshot.Index, snapshot.Term);

            // What was installed can be sent on.
            SnapshotToSend = snapshot;
        }

        if (entries.Count > 0)
        {
            Assert.True(
                entries[0].Index > _cutIndex && entries[0].Index.Value <= LastIndex.Value + 1, "a write leaves no gap");
            int kept = (int)(entries[0].Index - _cutIndex) - 1;
            _entries.RemoveRange(kept, _entries.Count - kept);
            _entries.AddRange(entries);
        }
    }

    /// <summary>Cuts the log up to and with <paramref name="index"/>.</summary>
    public void CutTo(LogIndex index)
    {
        Assert.True(TryGetTerm(index, out Term term));
        _entries.RemoveRange(0, (int)(index - _cutIndex));
        (_cutIndex, _cutTerm) = (index, term);
    }
}
