using Kv.Base;

namespace Kv.Raft;

public enum EntryKind : byte
{
    /// <summary>The empty entry a new leader appends to commit what came before (Raft §5.4.2, §8).</summary>
    Empty = 0,

    /// <summary>Opaque bytes of the layer above.</summary>
    Normal = 1,

    /// <summary>A membership change, encoded by <c>ConfChange</c>.</summary>
    ConfChange = 2,
}

/// <summary>
/// One log entry. The bytes are immutable and owned by the GC (Bytes law); the CRC-32C of the bytes is fixed where they
/// are made and travels with them through wire and log.
/// </summary>
public readonly record struct Entry(LogIndex Index, Term Term, EntryKind Kind, ReadOnlyMemory<byte> Data, uint DataCrc);

/// <summary>What a peer must make durable before it tells anyone. <c>Commit</c> is a hint that may lag.</summary>
public readonly record struct HardState(Term Term, PeerId Vote, LogIndex Commit);

/// <summary>The membership in force. Outgoing voters are there only while the change is joint.</summary>
public sealed record ConfState(
    IReadOnlyList<PeerId> Voters,
    IReadOnlyList<PeerId> Learners,
    IReadOnlyList<PeerId> VotersOutgoing,
    IReadOnlyList<PeerId> LearnersNext,
    bool AutoLeave)
{
    public static ConfState OfVoters(params IReadOnlyList<PeerId> voters) => new(voters, [], [], [], false);
}

/// <summary>What a snapshot replaces. The data itself moves outside the core.</summary>
public sealed record SnapshotMeta(LogIndex Index, Term Term, ConfState Conf);
