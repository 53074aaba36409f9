using Kv.Base;

namespace Kv.Raft;

/// <summary>
/// The voters in force: one majority, or two while a membership change is under way (joint consensus, Raft
/// dissertation §4.3). What both majorities must agree on is the lesser of the two answers.
/// </summary>
internal readonly struct JointConfig(MajorityConfig incoming, MajorityConfig outgoing)
{
    /// <summary>The voters that stay when the change is over; all of them when there is none.</summary>
    public MajorityConfig Incoming => incoming;

    /// <summary>The voters of before; empty unless joint.</summary>
    public MajorityConfig Outgoing => outgoing;

    public bool IsJoint => !outgoing.IsEmpty;

    public bool Contains(PeerId peer) => incoming.Contains(peer) || outgoing.Contains(peer);

    /// <summary>Whether <paramref name="peer"/> alone decides.</summary>
    public bool IsSoleVoter(PeerId peer) => !IsJoint && incoming.Count == 1 && incoming.Contains(peer);

    /// <summary>The largest number that a quorum of each majority has reached.</summary>
    public ulong QuorumValue<T>(in T values)
        where T : struct, IQuorumValues =>
        Math.Min(incoming.QuorumValue(values), outgoing.QuorumValue(values));

    /// <summary>Won only when both are won; lost as soon as one is lost.</summary>
    public VoteOutcome Tally<T>(in T votes)
        where T : struct, IVoteValues
    {
        VoteOutcome first = incoming.Tally(votes);
        VoteOutcome second = outgoing.Tally(votes);
        if (first == second)
        {
            return first;
        }

        return first == VoteOutcome.Lost || second == VoteOutcome.Lost ? VoteOutcome.Lost : VoteOutcome.Pending;
    }
}
