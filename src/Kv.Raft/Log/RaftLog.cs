// Owns the log as raft sees it: storage below, the unstable suffix above, and the commit and apply marks over both.
// Invariants: Applied ≤ HandedToApply ≤ Committed ≤ LastIndex; nothing is handed to apply above Persisted (Cut law);
// Committed never falls; no entry at or below Committed is ever replaced.
using Kv.Base;

namespace Kv.Raft;

internal sealed class RaftLog
{
    private readonly IRaftStorage _storage;
    private readonly UnstableLog _unstable;

    public RaftLog(IRaftStorage storage, LogIndex committed, LogIndex applied)
    {
        _storage = storage;
        LogIndex last = storage.LastIndex;
        Invariant.Require(storage.FirstIndex.Previous() <= applied && applied <= last,
            $"applied {applied} lies outside the log {storage.FirstIndex}..{last}");
        Invariant.Require(committed <= last, $"commit {committed} lies behind the log's end {last}");
        _unstable = new UnstableLog(last.Next());
        Committed = LogIndex.Greater(committed, applied);
        Applied = applied;
        HandedToApply = applied;
    }

    public UnstableLog Unstable => _unstable;

    public LogIndex Committed { get; private set; }

    public LogIndex Applied { get; private set; }

    /// <summary>The last entry handed out as committed.</summary>
    public LogIndex HandedToApply { get; private set; }

    public LogIndex FirstIndex => _unstable.Snapshot?.Index.Next() ?? _storage.FirstIndex;

    public LogIndex LastIndex => _unstable.LastIndex;

    /// <summary>Everything up to here is durable in this store's own log. 0 while a snapshot is being
    /// installed.</summary>
    public LogIndex Persisted => _unstable.Snapshot is null ? _unstable.Offset.Previous() : LogIndex.Zero;

    public Term LastTerm
    {
        get
        {
            bool found = TryTermAt(LastIndex, out Term term);
            Invariant.Require(found, $"no term for the last index {LastIndex}");
            return term;
        }
    }

    /// <summary>The term at an index in [FirstIndex − 1, LastIndex]; false outside.</summary>
    public bool TryTermAt(LogIndex index, out Term term)
    {
        if (index >= _unstable.Offset)
        {
            bool inside = index <= LastIndex;
            term = inside ? _unstable.At(index).Term : Term.Zero;
            return inside;
        }

        if (_unstable.Snapshot is { } snapshot)
        {
            term = index == snapshot.Index ? snapshot.Term : Term.Zero;
            return index == snapshot.Index;
        }

        return _storage.TryGetTerm(index, out term);
    }

    public bool Matches(LogIndex index, Term term) => TryTermAt(index, out Term own) && own == term;

    /// <summary>Whether a log that ends with (index, term) is at least as complete as this one (Raft §5.4.1).</summary>
    public bool IsUpToDate(LogIndex index, Term term)
    {
        Term own = LastTerm;
        return term > own || (term == own && index >= LastIndex);
    }

    /// <summary>
    /// The largest place at or below <paramref name="index"/> whose term is at most <paramref name="term"/>: where
    /// two logs can first agree. Stops where the log was cut; then the term is Zero (unknown).
    /// </summary>
    public (LogIndex Index, Term Term) FindConflictByTerm(LogIndex index, Term term)
    {
        while (index > LogIndex.Zero)
        {
            if (!TryTermAt(index, out Term own))
            {
                return (index, Term.Zero);
            }

            if (own <= term)
            {
                return (index, own);
            }

            index = index.Previous();
        }

        return (LogIndex.Zero, Term.Zero);
    }

    /// <summary>A snapshot that can be sent now, or null.</summary>
    public SnapshotMeta? MaySendSnapshot() => _unstable.Snapshot is null ? _storage.Snapshot() : null;

    public void Append(in Entry entry) => _unstable.Append(entry);

    public void Append(IReadOnlyList<Entry> entries, int skip)
    {
        Invariant.Require(entries[skip].Index > Committed, $"entry {entries[skip].Index} is committed and stays");
        _unstable.Append(entries, skip);
    }

    /// <summary>Raises the commit mark; a lower one changes nothing.</summary>
    public bool CommitTo(LogIndex index)
    {
        if (index <= Committed)
        {
            return false;
        }

        Invariant.Require(index <= LastIndex, $"commit {index} lies behind the log's end {LastIndex}");
        Committed = index;
        return true;
    }

    public void OnApplied(LogIndex index)
    {
        Invariant.Require(index <= HandedToApply, $"applied {index} was not handed out; handed {HandedToApply}");
        Applied = LogIndex.Greater(Applied, index);
    }

    /// <summary>Replaces the log by a snapshot; its state counts as applied once the install is durable.</summary>
    public void Restore(SnapshotMeta snapshot)
    {
        Invariant.Require(snapshot.Index > Committed, $"snapshot {snapshot.Index} is behind commit {Committed}");
        _unstable.Restore(snapshot);
        Committed = snapshot.Index;
        HandedToApply = snapshot.Index;
    }

    /// <summary>See <see cref="UnstableLog.OnPersisted"/>.</summary>
    public PendingWrite? OnPersisted(ulong number, out SnapshotMeta? installed)
    {
        PendingWrite? newest = _unstable.OnPersisted(number, out installed);
        if (installed is not null)
        {
            Applied = LogIndex.Greater(Applied, installed.Index);
        }

        return newest;
    }

    /// <summary>The last entry that may be handed to apply now (Cut law).</summary>
#if PLANT_CUT_HALF // Cut law: entries are applied that the own log may lose
    public LogIndex Applicable => Committed;
#else
    public LogIndex Applicable => LogIndex.Min(Committed, Persisted);
#endif

    /// <summary>The next page for apply, at most <paramref name="bytesMax"/> bytes but at least one entry.</summary>
    public List<Entry> TakeCommitted(long bytesMax)
    {
        Invariant.Require(Applicable > HandedToApply);
        var page = new List<Entry>();
        LogIndex from = HandedToApply.Next();
        bool found = Slice(from, Applicable.Next(), bytesMax, page);
        Invariant.Require(
            found && page.Count > 0 && page[0].Index == from, $"entry {from} is committed and not in the log");
        HandedToApply = page[^1].Index;
        return page;
    }

    /// <summary>
    /// Adds entries [from, to) up to <paramref name="bytesMax"/>, at least one; false when <paramref name="from"/>
    /// was cut.
    /// </summary>
    public bool Slice(LogIndex from, LogIndex toExclusive, long bytesMax, List<Entry> output)
    {
        Invariant.Require(from < toExclusive && toExclusive <= LastIndex.Next());
        if (from < FirstIndex)
        {
            return false;
        }

        int before = output.Count;
        long bytes = 0;
        LogIndex next = from;
        if (from < _unstable.Offset)
        {
            LogIndex end = LogIndex.Min(toExclusive, _unstable.Offset);
            if (!_storage.Read(from, end, bytesMax, output))
            {
                return false;
            }

            Invariant.Require(
                output.Count > before && output[before].Index == from, $"storage read of {from} gave another entry");
            next = output[^1].Index.Next();
            for (int i = before; i < output.Count; i++)
            {
                bytes += output[i].Data.Length;
            }

            if (next < end)
            {
                return true;
            }
        }

        for (; next < toExclusive; next = next.Next())
        {
            Entry entry = _unstable.At(next);
            if (output.Count > before && bytes + entry.Data.Length > bytesMax)
            {
                break;
            }

            bytes += entry.Data.Length;
            output.Add(entry);
        }

        return true;
    }
}
