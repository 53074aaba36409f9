using Kv.Base;

namespace Kv.Raft;

/// <summary>
/// Whether a membership can be in force at all, and whether a change can be written so that every peer can read it.
/// </summary>
internal static class ConfCheck
{
    private const int PeersMax = 64;

    public static bool IsValid(ConfState conf)
    {
        if (conf.Voters.Count == 0
            || conf.Voters.Count + conf.VotersOutgoing.Count + conf.Learners.Count + conf.LearnersNext.Count > PeersMax
            || (conf.LearnersNext.Count > 0 && conf.VotersOutgoing.Count == 0))
        {
            return false;
        }

        return AreDistinct(conf.Voters) && AreDistinct(conf.VotersOutgoing) && AreDistinct(conf.Learners)
            && AreDistinct(conf.LearnersNext) && AreApart(conf.Learners, conf.Voters)
            && AreApart(conf.Learners, conf.VotersOutgoing) && AreApart(conf.LearnersNext, conf.Voters)
            && AreWithin(conf.LearnersNext, conf.VotersOutgoing);
    }

    /// <summary>What <see cref="ConfChange.Encode"/> writes of it is what <see cref="ConfChange.TryDecode"/>
    /// reads.</summary>
    public static bool IsReadable(ConfChange change)
    {
        foreach (ConfChangeStep step in change.Steps)
        {
            if (step.Kind is < ConfChangeKind.AddVoter or > ConfChangeKind.RemovePeer || step.Peer.IsNone)
            {
                return false;
            }
        }

        return change.Steps.Count <= ConfChange.StepsMax && change.Transition <= ConfTransition.JointExplicit;
    }

    private static bool AreDistinct(IReadOnlyList<PeerId> peers)
    {
        for (int i = 0; i < peers.Count; i++)
        {
            if (peers[i].IsNone)
            {
                return false;
            }

            for (int j = 0; j < i; j++)
            {
                if (peers[i] == peers[j])
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool AreWithin(IReadOnlyList<PeerId> peers, IReadOnlyList<PeerId> all)
    {
        foreach (PeerId each in peers)
        {
            if (AreApart([each], all))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreApart(IReadOnlyList<PeerId> first, IReadOnlyList<PeerId> second)
    {
        foreach (PeerId each in first)
        {
            foreach (PeerId other in second)
            {
                if (each == other)
                {
                    return false;
                }
            }
        }

        return true;
    }
}
