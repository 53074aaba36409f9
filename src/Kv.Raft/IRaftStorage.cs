using Kv.Base;

namespace Kv.Raft;

/// <summary>
/// The durable part of one group's log, as the core reads it. What the core has handed out in a <see cref="Ready"/> and
/// that is not yet reported persisted, the core keeps itself: it asks only for places below the first of these. Called
/// only from inside the core's methods. Entries of a write replace everything from their first index on; when
/// <c>OnPersisted</c> is called for a write, what it wrote must be readable here.
/// </summary>
public interface IRaftStorage
{
    /// <summary>The first entry held; one above the truncated index.</summary>
    LogIndex FirstIndex { get; }

    /// <summary>The last entry held; <see cref="FirstIndex"/> − 1 when there is none.</summary>
    LogIndex LastIndex { get; }

    /// <summary>Term at an index in [FirstIndex − 1, LastIndex]; false outside.</summary>
    bool TryGetTerm(LogIndex index, out Term term);

    /// <summary>
    /// Adds entries [from, to) up to <paramref name="bytesMax"/> (at least one); false when <paramref name="from"/> was
    /// cut.
    /// </summary>
    bool Read(LogIndex from, LogIndex toExclusive, long bytesMax, List<Entry> output);

    /// <summary>
    /// The newest snapshot that can be sent now; null while one is being made (the core asks again later).
    /// </summary>
    SnapshotMeta? Snapshot();
}
