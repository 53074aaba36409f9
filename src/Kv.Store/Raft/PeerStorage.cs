using Kv.Base;
using Kv.Engine.Log;
using Kv.Raft;

namespace Kv.Store.Raft;

/// <summary>The core's view of its group in the shared log. What the log shows is durable.</summary>
internal sealed class PeerStorage(ISharedLog log, RegionId region, LogIndex initialIndex, Term initialTerm)
    : IRaftStorage
{
    private readonly List<LogEntry> _buffer = [];

    public LogIndex FirstIndex => log.Find(region.Value) is { } state
        ? new LogIndex(Math.Max(state.TruncatedIndex, initialIndex.Value) + 1)
        : initialIndex.Next();

    public LogIndex LastIndex => log.Find(region.Value) is { } state
        ? new LogIndex(Math.Max(state.LastIndex, initialIndex.Value))
        : initialIndex;

    public bool TryGetTerm(LogIndex index, out Term term)
    {
        if (index == initialIndex && (log.Find(region.Value) is not { } state || state.TruncatedIndex <= index.Value))
        {
            term = initialTerm;
            return true;
        }

        bool found = log.TryGetTerm(region.Value, index.Value, out ulong value);
        term = new Term(value);
        return found;
    }

    public bool Read(LogIndex from, LogIndex toExclusive, long bytesMax, List<Entry> output)
    {
        _buffer.Clear();
        if (!log.Read(region.Value, from.Value, toExclusive.Value, bytesMax, _buffer))
        {
            return false;
        }

        foreach (LogEntry entry in _buffer)
        {
            output.Add(new Entry(
                new LogIndex(entry.Index), new Term(entry.Term), (EntryKind)entry.Kind, entry.Data, entry.DataCrc));
        }

        _buffer.Clear();
        return true;
    }

    /// <summary>
    /// Nothing is ever cut that a peer still needs (Cut law as this version keeps it), so none is ever asked for.
    /// </summary>
    public SnapshotMeta? Snapshot() => null;
}
