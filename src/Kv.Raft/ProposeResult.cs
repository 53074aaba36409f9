using Kv.Base;

namespace Kv.Raft;

public enum ProposeOutcome : byte
{
    /// <summary>In the leader's log at <see cref="ProposeResult.Index"/>; not yet committed.</summary>
    Accepted = 0,

    /// <summary>This peer does not lead, or leads without being a voter any more.</summary>
    NotLeader = 1,

    /// <summary>Leadership is being handed away; proposals would delay it.</summary>
    Transferring = 2,

    /// <summary>Too much waits for a quorum (row B11). Try again later.</summary>
    TooManyUncommittedBytes = 3,

    /// <summary>The payload is above <see cref="RaftConfig.EntryBytesMax"/> (row B12). Never accepted.</summary>
    EntryTooLarge = 4,

    /// <summary>A membership change is under way, or this one cannot be made from the membership in force.</summary>
    ConfChangeRefused = 5,
}

/// <summary>The answer to a proposal. An accepted entry is committed if and only if (index, term) commits.</summary>
public readonly record struct ProposeResult(ProposeOutcome Outcome, LogIndex Index, Term Term)
{
    public bool IsAccepted => Outcome == ProposeOutcome.Accepted;

    internal static ProposeResult Refused(ProposeOutcome outcome) => new(outcome, LogIndex.Zero, Term.Zero);
}
