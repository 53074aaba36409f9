using Kv.Base;

namespace Kv.Raft.Tests.Oracles;

/// <summary>
/// Every membership that can be reached with four peers, and every change of up to three steps from each, against an
/// oracle that thinks of one peer at a time.
/// </summary>
public sealed class ConfChangerOracleTests
{
    private const int PeerCount = 4;

    /// <summary>Rows D1, D5: what comes out is what the steps say, neighbours always share a voter, and there is always
    /// one.</summary>
    [Fact]
    public void Apply_EveryReachableMembershipAndChange_EqualsTheOracle()
    {
        Dictionary<string, ConfState> reached = Reachable();
        var quorums = reached.ToDictionary(pair => pair.Key, pair => Quorums.Of(pair.Value, PeerCount));
        int made = 0;
        int refused = 0;
        foreach ((string name, ConfState current) in reached)
        {
            // While joint, whatever is not a leave is refused: two steps say as much about that as three.
            foreach (ConfChange change in Changes(current.VotersOutgoing.Count > 0 ? 1 : 3))
            {
                ConfState? next = ConfChanger.Apply(current, change);
                string label = $"{name} by {Describe(change)}";
                Assert.True(Describe(Expected(current, change)) == Describe(next), $"{label} became {Describe(next)}");
                if (next is null)
                {
                    refused++;
                    continue;
                }

                made++;
                Assert.True(next.Voters.Count > 0, label);
                Assert.True(ConfCheck.IsValid(next), label);
                Assert.Empty(next.Learners.Intersect(next.Voters.Concat(next.VotersOutgoing)));
                Assert.Empty(next.LearnersNext.Except(next.VotersOutgoing));
                Assert.Empty(next.LearnersNext.Intersect(next.Voters));
            }
        }

        foreach ((string from, string to) in Neighbours(reached))
        {
            Assert.True(quorums[from].AlwaysMeets(quorums[to]), $"{from} and {to} have quorums without a common voter");
        }

        Assert.True(reached.Count > 500 && made > 100_000 && refused > 10_000, $"{reached.Count}, {made}, {refused}");
    }

    /// <summary>A change that says twice what it says once, or that changes nothing, does no harm.</summary>
    [Fact]
    public void Apply_StepsRepeated_MakeTheSameMembership()
    {
        foreach (ConfState current in Reachable().Values.Where(conf => conf.VotersOutgoing.Count == 0))
        {
            foreach (ConfChange change in Changes(2).Where(change => !change.IsLeave))
            {
                var doubled = new ConfChange(
                    [.. change.Steps, .. change.Steps], ConfTransition.JointExplicit, change.Context);
                Assert.Equal(
                    Describe(ConfChanger.Apply(current, change with { Transition = ConfTransition.JointExplicit })),
                    Describe(ConfChanger.Apply(current, doubled)));
                if (change.Steps.Count == 1 && ConfChanger.Apply(current, change) is { VotersOutgoing.Count: 0 } once)
                {
                    Assert.Equal(Describe(once), Describe(ConfChanger.Apply(once, change)));
                }
            }
        }
    }

    /// <summary>A quorum of before and one of after always share a voter: the lease and every commit rest on
    /// it.</summary>
    [Fact]
    public void Oracle_TwoVotersTakenAwayAtOnce_WouldLoseTheCommonVoter()
    {
        // Shows that the check above can fail: this is the step that goes through a joint membership.
        Quorums before = new(0b0111, 0, PeerCount);
        Quorums after = new(0b0001, 0, PeerCount);
        Assert.False(before.AlwaysMeets(after));
        Assert.True(before.AlwaysMeets(new Quorums(0b0001, 0b0111, PeerCount)));
    }

    private static Dictionary<string, ConfState> Reachable()
    {
        var reached = new Dictionary<string, ConfState>();
        var open = new Queue<ConfState>();
        for (int voters = 1; voters < 1 << PeerCount; voters++)
        {
            Reach(ConfState.OfVoters(Quorums.PeersOf(voters)));
        }

        while (open.TryDequeue(out ConfState? current))
        {
            foreach (ConfChange change in Changes(current.VotersOutgoing.Count > 0 ? 0 : 3))
            {
                if (ConfChanger.Apply(current, change) is { } next)
                {
                    Reach(next);
                }
            }
        }

        return reached;

        void Reach(ConfState conf)
        {
            if (reached.TryAdd(Describe(conf), conf))
            {
                open.Enqueue(conf);
            }
        }
    }

    private static HashSet<(string From, string To)> Neighbours(Dictionary<string, ConfState> reached)
    {
        var pairs = new HashSet<(string From, string To)>();
        foreach ((string name, ConfState current) in reached)
        {
            foreach (ConfChange change in Changes(current.VotersOutgoing.Count > 0 ? 0 : 3))
            {
                if (ConfChanger.Apply(current, change) is { } next)
                {
                    pairs.Add((name, Describe(next)));
                }
            }
        }

        return pairs;
    }

    /// <summary>Leaving, and every list of up to <paramref name="stepsMax"/> steps in each way of coming into
    /// force.</summary>
    private static IEnumerable<ConfChange> Changes(int stepsMax)
    {
        yield return ConfChange.LeaveJoint;
        List<ConfChangeStep[]> lists = [[]];
        for (int length = 1; length <= stepsMax; length++)
        {
            lists = [.. lists.SelectMany(list => AllSteps().Select(step => (ConfChangeStep[])[.. list, step]))];
            foreach (ConfChangeStep[] steps in lists)
            {
                foreach (ConfTransition transition in Enum.GetValues<ConfTransition>())
                {
                    yield return new ConfChange(steps, transition, ReadOnlyMemory<byte>.Empty);
                }
            }
        }
    }

    private static IEnumerable<ConfChangeStep> AllSteps() =>
        from kind in Enum.GetValues<ConfChangeKind>()
        from peer in Quorums.PeersOf((1 << PeerCount) - 1)
        select new ConfChangeStep(kind, peer);

    /// <summary>Each peer for itself: what it was, what the last step that names it wants, and so what it is.</summary>
    private static ConfState? Expected(ConfState current, ConfChange change)
    {
        bool wasJoint = current.VotersOutgoing.Count > 0;
        if (change.IsLeave || wasJoint)
        {
            return change.IsLeave && wasJoint
                ? new ConfState(
                    current.Voters, [.. current.Learners.Concat(current.LearnersNext).Order()], [], [], false)
                : null;
        }

        List<PeerId> voters = [], learners = [], outgoing = [], learnersNext = [];
        bool losesAVoter = false;
        foreach (PeerId peer in Quorums.PeersOf((1 << PeerCount) - 1))
        {
            bool voted = current.Voters.Contains(peer);
            ConfChangeKind? wish = change.Steps.Where(step => step.Peer == peer)
                .Select(step => (ConfChangeKind?)step.Kind).LastOrDefault();
            bool votes = wish == ConfChangeKind.AddVoter || (wish is null && voted);
            bool learns = wish == ConfChangeKind.AddLearner || (wish is null && current.Learners.Contains(peer));
            losesAVoter |= voted && change.Steps.Any(step => step.Peer == peer && step.Kind != ConfChangeKind.AddVoter);
            (voted ? outgoing : []).Add(peer);
            (votes ? voters : []).Add(peer);
            (learns ? (voted ? learnersNext : learners) : []).Add(peer);
        }

        if (voters.Count == 0)
        {
            return null;
        }

        bool atOnce = change.Transition == ConfTransition.Auto && change.Steps.Count == 1 && !losesAVoter;
        return atOnce
            ? new ConfState(voters, learners, [], [], false)
            : new ConfState(
                voters, learners, outgoing, learnersNext, change.Transition != ConfTransition.JointExplicit);
    }

    private static string Describe(ConfState? conf) => conf is null
        ? "refused"
        : $"v{string.Join(",", conf.Voters)} o{string.Join(",", conf.VotersOutgoing)} "
        + $"l{string.Join(",", conf.Learners)} n{string.Join(",", conf.LearnersNext)} {(conf.AutoLeave ? "auto" : "")}";

    private static string Describe(ConfChange change) =>
        $"{change.Transition}: {string.Join(", ", change.Steps.Select(step => $"{step.Kind} {step.Peer}"))}";
}
