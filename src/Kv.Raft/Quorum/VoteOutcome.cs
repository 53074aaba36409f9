namespace Kv.Raft;

/// <summary>Where an election stands.</summary>
internal enum VoteOutcome : byte
{
    /// <summary>Neither won nor lost: answers are missing.</summary>
    Pending = 0,

    /// <summary>A quorum granted.</summary>
    Won = 1,

    /// <summary>So many refused that no quorum is left.</summary>
    Lost = 2,
}
