namespace Kv.Raft;

/// <summary>What a peer is in its group at the moment. A learner is a follower that does not vote.</summary>
public enum Role : byte
{
    Follower = 0,

    /// <summary>Asks whether it could win an election, without raising its term (Raft dissertation §9.6).</summary>
    PreCandidate = 1,

    Candidate = 2,

    Leader = 3,
}
