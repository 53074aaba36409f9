// Owns the step from one membership to the next: a pure function, so that every peer that applies the same entry
// comes to the same membership (Apply law). Joint consensus (Raft dissertation §4.3); a single step that takes no
// voter away needs no joint configuration, because the two majorities overlap by themselves (§4.1). Taking a voter
// away always goes through one, so that a leader can be made to hand over before the step that takes its own vote: a
// leader that applied its own removal while the others did not yet know it committed could leave them without a
// quorum for ever (row D6). Invariants of every result:
//   there is a voter; nobody is voter and learner at once;
//   LearnersNext are outgoing voters, and only there while joint; the result does not depend on the order of peer ids.
using Kv.Base;

namespace Kv.Raft;

internal static class ConfChanger
{
    /// <summary>The membership after <paramref name="change"/>; null when it cannot be made from this one.</summary>
    public static ConfState? Apply(ConfState current, ConfChange change)
    {
        bool joint = current.VotersOutgoing.Count > 0;
        if (change.IsLeave)
        {
            return joint ? Leave(current) : null;
        }

        if (joint)
        {
            return null;
        }

        bool simple = change.Transition == ConfTransition.Auto && change.Steps.Count == 1
            && (change.Steps[0].Kind == ConfChangeKind.AddVoter || !current.Voters.Contains(change.Steps[0].Peer));
        return simple
            ? TakeSteps(current, change.Steps, enterJoint: false, autoLeave: false)
            : TakeSteps(current, change.Steps, enterJoint: true, change.Transition != ConfTransition.JointExplicit);
    }

    private static ConfState? TakeSteps(
        ConfState current, IReadOnlyList<ConfChangeStep> steps, bool enterJoint, bool autoLeave)
    {
        var voters = new SortedSet<PeerId>(current.Voters);
        var learners = new SortedSet<PeerId>(current.Learners);
        var learnersNext = new SortedSet<PeerId>(current.LearnersNext);
        var outgoing = new SortedSet<PeerId>(enterJoint ? current.Voters : []);
        foreach (ConfChangeStep step in steps)
        {
            switch (step.Kind)
            {
                case ConfChangeKind.AddVoter:
                    learners.Remove(step.Peer);
                    learnersNext.Remove(step.Peer);
                    voters.Add(step.Peer);
                    break;
                case ConfChangeKind.AddLearner:
                    voters.Remove(step.Peer);

                    // Who votes in the outgoing half goes on voting there until the change is over.
                    _ = outgoing.Contains(step.Peer) ? learnersNext.Add(step.Peer) : learners.Add(step.Peer);
                    break;
                case ConfChangeKind.RemovePeer:
                    voters.Remove(step.Peer);
                    learners.Remove(step.Peer);
                    learnersNext.Remove(step.Peer);
                    break;
                default:
                    throw Invariant.Unreachable(step.Kind);
            }
        }

        return voters.Count == 0
            ? null
            : new ConfState([.. voters], [.. learners], [.. outgoing], [.. learnersNext], enterJoint && autoLeave);
    }

    private static ConfState Leave(ConfState current)
    {
        var learners = new SortedSet<PeerId>(current.Learners);
        learners.UnionWith(current.LearnersNext);
        return new ConfState(current.Voters, [.. learners], [], [], AutoLeave: false);
    }
}
