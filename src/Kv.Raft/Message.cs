// Owns what peers of one group say to each other. A message is a value: never changed once made, so it may be kept,
// sent again or dropped (raft survives all three).
using Kv.Base;

namespace Kv.Raft;

/// <summary>The kinds of message between peers of one group. Numbers are the wire's: never reuse one.</summary>
public enum MessageKind : byte
{
    PreVote = 1,
    PreVoteResponse = 2,
    Vote = 3,
    VoteResponse = 4,
    Append = 5,
    AppendResponse = 6,
    Heartbeat = 7,
    HeartbeatResponse = 8,
    Snapshot = 9,
    TimeoutNow = 10,
    ReadIndex = 11,
    ReadIndexResponse = 12,
}

/// <summary>
/// One message between two peers of a group. Immutable once made. Fields not used by a kind are zero:
/// <list type="bullet">
/// <item>PreVote/Vote: Term (the term asked for), LogIndex/LogTerm (last entry), Transfer (Transfer law),
/// Priority.</item>
/// <item>…VoteResponse: Term, Reject.</item>
/// <item>Append: LogIndex/LogTerm (entry before the first), Entries, Commit, SentAt.</item>
/// <item>AppendResponse: LogIndex (last index now matched, or the rejected one), Reject, RejectHint + LogTerm (where to
/// probe next), SentAt echoed, Commit (what the sender knows committed).</item>
/// <item>Heartbeat: Commit (never above what the target is known to hold), ReadId (newest ReadIndex round, 0 = none),
/// SentAt.</item>
/// <item>HeartbeatResponse: ReadId and SentAt echoed; LogIndex (last persisted index), Commit (what the sender knows
/// committed).</item>
/// <item>Snapshot: Snapshot. The bytes go by another path; it carries no time, no lease rests on it.</item>
/// <item>TimeoutNow: Term.</item>
/// <item>ReadIndex: ReadId (the asker's own, fresh for each attempt), SentAt (the asker's clock). ReadIndexResponse:
/// ReadId, SentAt echoed, LogIndex, Reject.</item>
/// </list>
/// </summary>
public sealed record Message
{
    public required MessageKind Kind { get; init; }

    public required PeerId From { get; init; }

    public required PeerId To { get; init; }

    public Term Term { get; init; }

    public LogIndex LogIndex { get; init; }

    public Term LogTerm { get; init; }

    public LogIndex Commit { get; init; }

    public IReadOnlyList<Entry> Entries { get; init; } = [];

    public bool Reject { get; init; }

    public LogIndex RejectHint { get; init; }

    /// <summary>
    /// Identity of a ReadIndex attempt. Unique in its origin's life: never reused for a retry (row C3).
    /// </summary>
    public ulong ReadId { get; init; }

    /// <summary>
    /// When the leader sent it, by the leader's clock; the answer carries it back unread. The lease rests on it (Lease
    /// law).
    /// </summary>
    public Instant SentAt { get; init; }

    /// <summary>
    /// The vote asked for follows a <c>TimeoutNow</c> of this term's leader and may skip the promise (Transfer law).
    /// </summary>
    public bool Transfer { get; init; }

    public int Priority { get; init; }

    public SnapshotMeta? Snapshot { get; init; }

    /// <summary>Whether it answers another message. Answers wake no sleeping peer.</summary>
    public bool IsResponse => MessageCheck.IsResponse(Kind);
}
