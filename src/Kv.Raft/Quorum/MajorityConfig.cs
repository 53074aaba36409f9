// Owns the arithmetic of one majority. Invariant: the voters are sorted, distinct and never none.
using Kv.Base;

namespace Kv.Raft;

/// <summary>A set of voters of which more than half decide. The empty set decides everything: it is the absent half
/// of a joint configuration, never the whole of one.</summary>
internal readonly struct MajorityConfig
{
    private const int StackVotersMax = 16;

    private readonly PeerId[]? _voters;

    /// <summary>Takes the voters in any order; requires them distinct and not none.</summary>
    public MajorityConfig(IReadOnlyList<PeerId> voters)
    {
        _voters = PeerIdSet.Sorted(voters);
    }

    public ReadOnlySpan<PeerId> Voters => _voters;

    public int Count => _voters?.Length ?? 0;

    public bool IsEmpty => Count == 0;

    public bool Contains(PeerId peer) => PeerIdSet.Contains(Voters, peer);

    /// <summary>The largest number that more than half of the voters have reached; <c>ulong.MaxValue</c> for the
    /// empty set.</summary>
    public ulong QuorumValue<T>(in T values)
        where T : struct, IQuorumValues
    {
        ReadOnlySpan<PeerId> voters = Voters;
        if (voters.IsEmpty)
        {
            return ulong.MaxValue;
        }

        Span<ulong> sorted = voters.Length <= StackVotersMax
            ? stackalloc ulong[voters.Length]
            : new ulong[voters.Length];
        for (int i = 0; i < voters.Length; i++)
        {
            // Insertion sort: voters are few, and Span.Sort costs more than it saves below a dozen.
            ulong value = values.ValueOf(voters[i]);
            int at = i;
            while (at > 0 && sorted[at - 1] > value)
            {
                sorted[at] = sorted[at - 1];
                at--;
            }

            sorted[at] = value;
        }

        int quorum = (voters.Length / 2) + 1;
        return sorted[voters.Length - quorum];
    }

    /// <summary>Where an election among these voters stands. The empty set has won.</summary>
    public VoteOutcome Tally<T>(in T votes)
        where T : struct, IVoteValues
    {
        int granted = 0;
        int missing = 0;
        foreach (PeerId voter in Voters)
        {
            switch (votes.VoteOf(voter))
            {
                case true:
                    granted++;
                    break;
                case null:
                    missing++;
                    break;
                case false:
                    break;
            }
        }

        int quorum = IsEmpty ? 0 : (Count / 2) + 1;
        if (granted >= quorum)
        {
            return VoteOutcome.Won;
        }

        return granted + missing >= quorum ? VoteOutcome.Pending : VoteOutcome.Lost;
    }
}
