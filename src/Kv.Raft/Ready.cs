using Kv.Base;

namespace Kv.Raft;

/// <summary>
/// Everything the core wants done since the last call. The caller:
/// (1) hands <see cref="HardState"/> and <see cref="Entries"/> (and <see cref="Snapshot"/>) to the log as one write,
/// durable whole or not at all: safety of membership changes rests on the commit index being durable with the entries
/// beside it; (2) publishes the lease (<c>RaftPeer.LeaseEnd</c>), then sends <see cref="Messages"/> at once, beside
/// that write; (3) keeps <see cref="MessagesAfterPersist"/> and sends them when the write is durable, then calls
/// <c>RaftPeer.OnPersisted(PersistNumber)</c>. Writes of one group complete in the order they were handed out;
/// (4) applies <see cref="CommittedEntries"/> in order (all are durable in this store's own log: Cut law) and calls
/// <c>RaftPeer.OnApplied</c>;
/// (5) answers <see cref="ReadStates"/> once applied has reached their index.
/// A Ready with nothing to persist (<see cref="PersistNumber"/> = 0) needs no <c>OnPersisted</c>, and its
/// MessagesAfterPersist is empty.
/// </summary>
public sealed class Ready
{
    public HardState? HardState { get; init; }

    public IReadOnlyList<Entry> Entries { get; init; } = [];

    /// <summary>
    /// A snapshot to install in place of log and state. What was handed to apply before is void from the moment the
    /// install begins to replace the state; its membership is in force from <c>OnPersisted</c> on.
    /// </summary>
    public SnapshotMeta? Snapshot { get; init; }

    public IReadOnlyList<Message> Messages { get; init; } = [];

    public IReadOnlyList<Message> MessagesAfterPersist { get; init; } = [];

    public IReadOnlyList<Entry> CommittedEntries { get; init; } = [];

    public IReadOnlyList<ReadState> ReadStates { get; init; } = [];

    /// <summary>
    /// Term, vote, entries or snapshot changed: the write needs a sync. A changed commit hint alone does not.
    /// </summary>
    public bool MustSync { get; init; }

    /// <summary>
    /// Names the write for <c>OnPersisted</c>; rises by one per Ready that has something to persist; 0 = nothing to
    /// persist.
    /// </summary>
    public ulong PersistNumber { get; init; }
}

/// <summary>
/// The answer to one ReadIndex: with <see cref="Refused"/> false, a read at a state applied up to <see cref="Index"/>
/// is linearizable; with true the attempt failed and the caller may try again with a fresh id.
/// </summary>
public readonly record struct ReadState(ulong ReadId, LogIndex Index, bool Refused);
