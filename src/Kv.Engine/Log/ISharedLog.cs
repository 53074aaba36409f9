// Owns the contract of the raft log that all regions of a store share: one append-only log, one checked sync per batch.
// It knows groups, indexes, terms, kinds and bytes; it does not know regions, peers or what an entry means (Format
// law).
namespace Kv.Engine.Log;

/// <summary>
/// One entry as the log keeps it. The bytes are immutable and owned by the GC; the CRC is fixed when the entry is made.
/// </summary>
public readonly record struct LogEntry(ulong Index, ulong Term, byte Kind, ReadOnlyMemory<byte> Data, uint DataCrc);

/// <summary>What a group must not forget besides its entries. <c>Commit</c> is a hint and may lag.</summary>
public readonly record struct LogHardState(ulong Term, ulong Vote, ulong Commit);

/// <summary>A group as found at open, or as it is now.</summary>
/// <param name="Group">The raft group: the region's id.</param>
/// <param name="HardState">Term, vote and commit hint.</param>
/// <param name="TruncatedIndex">The entry just before the first; its term is known, its bytes are gone.</param>
/// <param name="TruncatedTerm">Term of the entry at <paramref name="TruncatedIndex"/>.</param>
/// <param name="LastIndex">The last entry; equals <paramref name="TruncatedIndex"/> when there is none.</param>
/// <param name="LastTerm">Term of the last entry.</param>
/// <param name="Bytes">Payload bytes of the entries held.</param>
public readonly record struct LogGroupState(
    ulong Group, LogHardState HardState, ulong TruncatedIndex, ulong TruncatedTerm,
    ulong LastIndex, ulong LastTerm, long Bytes);

/// <summary>
/// The shared raft log. <see cref="Write"/>, <see cref="Purge"/> and <see cref="KeepAlive"/> are called by one thread
/// (the log writer); every read may be called from any thread. What a read returns is durable: an entry is visible only
/// after its sync succeeded.
/// Failures throw <see cref="Files.StorageException"/> and are final for the log: every later write throws. An entry or
/// batch above a limit throws <see cref="LogLimitException"/> before anything is written, and the log lives on.
/// </summary>
public interface ISharedLog : IDisposable
{
    /// <summary>Bytes of segments in use on disk (without recycled spares).</summary>
    long SizeBytes { get; }

    /// <summary>Syncs made since open.</summary>
    long SyncCount { get; }

    /// <summary>
    /// Groups whose records were found damaged at open, in rising order (Damage law). They are not among
    /// <see cref="Groups"/>; every read of one, and every write but its destruction, throws
    /// <see cref="LogDamagedException"/>.
    /// </summary>
    IReadOnlyList<LogDamage> DamagedGroups => [];

    /// <summary>Every group that has records, was not destroyed and is not damaged.</summary>
    IReadOnlyList<LogGroupState> Groups();

    /// <summary>The group's state; null when the log holds nothing of it.</summary>
    LogGroupState? Find(ulong group);

    /// <summary>The term at an index between truncated and last, both included; false outside.</summary>
    bool TryGetTerm(ulong group, ulong index, out ulong term);

    /// <summary>
    /// Adds the entries [from, to) to <paramref name="output"/>, ending early when their bytes pass
    /// <paramref name="bytesMax"/> (at least one is given). False when <paramref name="from"/> is not held any more or
    /// not yet; then nothing is added.
    /// </summary>
    bool Read(ulong group, ulong from, ulong toExclusive, long bytesMax, List<LogEntry> output);

    /// <summary>
    /// Writes the batch as one frame and makes it durable with one sync. When it returns, everything in it is durable
    /// and visible; when it throws, nothing may be acknowledged and the log is dead. An empty batch writes nothing.
    /// </summary>
    void Write(LogBatch batch);

    /// <summary>Writes and syncs an empty frame (Progress law: proves that the disk answers).</summary>
    void KeepAlive();

    /// <summary>
    /// Frees the oldest segments, rewriting the few live records that pin them (Purge law), until the log is at most
    /// <paramref name="targetBytes"/> or nothing more can go. Bounded work per call; true when more could be done.
    /// </summary>
    bool Purge(long targetBytes);
}
