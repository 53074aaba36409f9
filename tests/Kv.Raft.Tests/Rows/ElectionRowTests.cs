using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Rows;

/// <summary>Checklist rows A (elections, terms, votes) as scripts; docs/testing.md says which test covers which
/// row.</summary>
public sealed class ElectionRowTests
{
    /// <summary>A write that was handed out before a candidacy says nothing of its vote.</summary>
    [Fact]
    public void A1_OlderWriteCompletes_CandidatesOwnVoteDoesNotCountYet()
    {
        var group = new TestGroup(1);
        RaftPeer core = group[1].Core;
        core.Campaign(group[1].Now);
        group[1].Drain();
        core.Campaign(group[1].Now);
        group[1].Drain();
        Assert.Equal((new Term(2), 2), (core.Term, group[1].PendingWriteCount));
        group[1].PersistOne();
        Assert.Equal(Role.Candidate, core.Role);
        group[1].PersistOne();
        Assert.True(core.IsLeader);
    }

    /// <summary>The write of the vote fails: the grant never leaves, whatever else comes in; the next life may vote
    /// anew.</summary>
    [Fact]
    public void A2_VoteWriteFails_NoGrantEverLeaves()
    {
        var group = new TestGroup(3, Messages.Bare);
        group.Deliver(Messages.Vote(2, 1, 1));
        group[1].Drain();
        for (int i = 0; i < 30; i++)
        {
            group.Deliver(Messages.Vote(2, 1, 1));
            group.Deliver(Messages.Vote(3, 1, 1));
            group.Deliver(Messages.PreVote(3, 1, 1));
            group[1].Core.Tick(group[1].Now);
            group[1].Drain();
        }

        Assert.DoesNotContain(group.Sent, m => m.Kind is MessageKind.VoteResponse or MessageKind.Vote);
        group[1].Crash();
        group[1].Restart();
        Assert.Equal((Term.Zero, default(PeerId)), (group[1].Core.Term, group[1].Core.Vote));
    }

    /// <summary>Each peer hears the one before it and is heard by the one behind it only.</summary>
    [Fact]
    public void A5_RingOfFiveThatHearsOneWay_StormsNotAndRecovers()
    {
        var group = new TestGroup(5);
        group.Elect(1);
        Term before = group[1].Core.Term;
        for (ulong from = 1; from <= 5; from++)
        {
            for (ulong to = 1; to <= 5; to++)
            {
                if (to != from && to != (from % 5) + 1)
                {
                    group.Cut(from, to);
                }
            }
        }

        group.Tick(600);
        Assert.All(group.Peers, p => Assert.InRange(p.Core.Term.Value, before.Value, before.Value + 2));
        group.Heal();
        TestPeer leader = group.AwaitLeader();
        Assert.InRange(leader.Core.Term.Value, before.Value, before.Value + 3);
    }

    /// <summary>The last to hear of its promotion holds the vote that is needed.</summary>
    [Fact]
    public void A7_PromotedLearnerThatDoesNotKnowYet_GivesTheVoteThatIsNeeded()
    {
        var conf = new ConfState([new PeerId(1), new PeerId(2)], [new PeerId(3)], [], [], false);
        var group = new TestGroup(conf);
        group.Elect(1);
        group.Tick(3);
        group[3].HoldApply = true;
        Assert.True(group[1].Core.ProposeConfChange(
            ConfChange.Of(new ConfChangeStep(ConfChangeKind.AddVoter, new PeerId(3))), group[1].Now).IsAccepted);
        group.Tick(3);
        Assert.Equal(3, group[2].Core.Conf.Voters.Count);
        Assert.Equal([new PeerId(3)], group[3].Core.Conf.Learners);
        group[1].Crash();
        group.Tick(60);
        Assert.True(group[2].Core.IsLeader);
        Assert.True(group[2].Core.CommittedInOwnTerm);
        Assert.Equal([new PeerId(3)], group[3].Core.Conf.Learners);
    }

    [Fact]
    public void A8_TransferTargetHasAChangeToApply_DoesNotCampaign_AndTheLeaderGoesOn()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Settle();
        group[2].HoldApply = true;
        Assert.True(group[1].Core.ProposeConfChange(
            ConfChange.Of(new ConfChangeStep(ConfChangeKind.AddLearner, new PeerId(4))), group[1].Now).IsAccepted);
        group.Tick(3);
        Term term = group[1].Core.Term;
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Tick(11);
        Assert.Contains(group.Sent, m => m.Kind == MessageKind.TimeoutNow);
        Assert.Equal((true, term), (group[1].Core.IsLeader, group[2].Core.Term));
        Assert.True(group.Propose(1, 1).IsAccepted);
        group[2].HoldApply = false;
        group[2].ApplyAll();
        group.Settle();
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
    }

    [Fact]
    public void A8_TransferTargetIsSlowInApply_LeadsAtOnceAndReadsOnlyWhatItApplied()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group[2].HoldApply = true;
        LogIndex last = group.Propose(1, 1).Index;
        group.Tick(3);
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
        Assert.True(group[2].Core.Applied < last);
        Assert.True(group[2].Core.ReadIndex(1, group[2].Now));
        group.Settle();
        Assert.True(Assert.Single(group[2].Reads).Index > last, "a read waits until apply is there");
        group[2].ApplyAll();
        Assert.Equal([1UL], TestGroup.ValuesOf(group[2].Applied));
    }

    [Fact]
    public void A8_TransferTargetIsDemotedMeanwhile_TransferIsDropped()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(3);
        group.Isolate(3);
        Assert.True(group[1].Core.ProposeConfChange(
            ConfChange.Of(new ConfChangeStep(ConfChangeKind.AddLearner, new PeerId(3))), group[1].Now).IsAccepted);
        group[1].Core.TransferLeadership(new PeerId(3), group[1].Now);
        Assert.Equal(new PeerId(3), group[1].Core.TransferTarget);
        group.Settle();
        Assert.True(group[1].Core.TransferTarget.IsNone);
        Assert.True(group.Propose(1, 1).IsAccepted);
        group.Heal();
        group.Tick(5);
        Assert.Equal([new PeerId(3)], group[3].Core.Conf.Learners);

        // A word to campaign that was under way all the time comes too late for a learner.
        group.Deliver(Messages.Answer(MessageKind.TimeoutNow, 1, 3, group[1].Core.Term.Value));
        group.Settle();
        Assert.Equal((Role.Follower, true), (group[3].Core.Role, group[1].Core.IsLeader));
    }

    /// <summary>A store with a thousand regions comes back: all elect at once, with the same ticks.</summary>
    [Fact]
    public void A9_ThousandGroupsElectAtOnce_AllHaveALeaderWithinSecondsAndFewElections()
    {
        const int Count = 1_000;
        TestGroup[] groups = [.. Enumerable.Range(1, Count).Select(i => new TestGroup(3, seed: (ulong)i))];
        int ticks = 0;
        while (groups.Any(g => g.TheLeader is not { Core.CommittedInOwnTerm: true }))
        {
            ticks++;
            Assert.True(ticks <= 60, $"after {ticks} ticks {groups.Count(g => g.TheLeader is null)} have no leader");
            foreach (TestGroup group in groups)
            {
                group.Tick();
            }
        }

        ulong terms = groups.Aggregate(0UL, (sum, g) => sum + g.TheLeader!.Core.Term.Value);
        Assert.InRange(terms, (ulong)Count, (ulong)(Count * 1.3));
        Assert.All(groups, g => Assert.InRange(g.TheLeader!.Core.Term.Value, 1UL, 5UL));
    }

    /// <summary>Peers that were given the same seed must not keep the same timeouts, or they split the vote for
    /// ever.</summary>
    [Fact]
    public void A9_SameSeedOnEveryPeer_StillOneOfThemWins()
    {
        for (ulong seed = 1; seed <= 100; seed++)
        {
            ulong same = seed;
            var group = new TestGroup(5, config => config with { Seed = same });
            Assert.InRange(group.AwaitLeader(150).Core.Term.Value, 1UL, 5UL);
        }
    }

    /// <summary>The word to campaign was held up until the transfer had been given up; the target is elected past all
    /// promises, writes go to it, and the old leader, which does not know, reads nothing.</summary>
    [Fact]
    public void A11_TransferGivenUpButTargetElectedAfterwards_OldLeaderReadsNothing()
    {
        var group = new TestGroup(3);
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Tick(2);
        Message? held = null;
        group.Lose = m =>
        {
            held = m.Kind == MessageKind.TimeoutNow ? m : held;
            return m.Kind == MessageKind.TimeoutNow;
        };
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Tick(11);
        Assert.True(group[1].Core.TransferTarget.IsNone);
        Assert.True(group.Propose(1, 1).IsAccepted);
        group.Tick(2);
        group.Lose = null;
        group.Deliver(held!);
        group.Isolate(1);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
        group.Propose(2, 2);
        group.Settle();
        Assert.Equal([1UL, 2UL], TestGroup.ValuesOf(group[2].Applied));
        Assert.True(group[1].Core.IsLeader);
        Assert.False(group[1].LeaseRuns);
        group.Checker.OnReadAsked(group[1], 1);
        group[1].Core.ReadIndex(1, group[1].Now);
        group.Tick(2);
        Assert.Empty(group[1].Reads);
        group.Heal();
        group.Tick(5);
        Assert.True(Assert.Single(group[1].Reads).Refused);
    }
}
