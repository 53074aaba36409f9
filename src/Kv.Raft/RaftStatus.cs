using Kv.Base;

namespace Kv.Raft;

/// <summary>What a leader knows about one peer of its group, for status pages and placement.</summary>
public sealed record PeerProgress(
    PeerId Peer,
    ProgressState State,
    LogIndex Match,
    LogIndex Next,
    LogIndex KnownCommit,
    LogIndex PendingSnapshot,
    bool RecentActive,
    bool IsPaused,
    bool IsLearner,
    int InflightCount,
    long InflightBytes);

/// <summary>A copy of a peer's state at one moment. <c>Progress</c> is empty unless leading, and in peer
/// order.</summary>
public sealed record RaftStatus(
    PeerId Id,
    Role Role,
    PeerId Leader,
    Term Term,
    PeerId Vote,
    LogIndex FirstIndex,
    LogIndex LastIndex,
    LogIndex Committed,
    LogIndex Applied,
    LogIndex Persisted,
    bool IsAsleep,
    PeerId TransferTarget,
    long UncommittedBytes,
    long DroppedMessageCount,
    ConfState Conf,
    IReadOnlyList<PeerProgress> Progress);
