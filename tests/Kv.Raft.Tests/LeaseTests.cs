using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

/// <summary>The Lease law. D is 800 ms, the drift 100 ms, a tick 100 ms.</summary>
public sealed class LeaseTests
{
    [Fact]
    public void Lease_EndsDAfterTheSendOfTheNewestAcknowledgedHeartbeat()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(4);
        TestPeer leader = group[1];
        Instant sentAt = group.Sent.Last(m => m.Kind == MessageKind.Heartbeat).SentAt;
        Assert.Equal(sentAt.PlusMs(800), leader.Core.LeaseEnd(leader.Now));
        group.Lose = _ => true;
        group.Tick(5);
        Assert.Equal(sentAt.PlusMs(800), leader.Core.LeaseEnd(leader.Now));
    }

    [Fact]
    public void Lease_AnswerComesLate_CountsFromTheSend()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2, settle: false);
        group[1].Drain();
        Instant sentAt = group.Sent.Last(m => m.Kind == MessageKind.Heartbeat).SentAt;
        group.Pass(700);
        group.Settle();
        Assert.Equal(sentAt.PlusMs(800), group[1].Core.LeaseEnd(group[1].Now));
    }

    [Fact]
    public void Lease_RefusedAppendCountsToo_AndAMinorityDoesNot()
    {
        ulong[][] terms = [[1, 1], [1], [1]];
        TestGroup group = ReplicationTests.GroupOf(terms);
        group.Lose = m => m.From.Value == 3 && m.Kind == MessageKind.AppendResponse;
        group.Elect(1);
        Assert.True(group[1].LeaseRuns);
        var lone = new TestGroup(3);
        lone.Elect(1);
        lone.Pass(1_000);
        Assert.False(lone[1].LeaseRuns);
        lone.Isolate(1);
        lone.Tick(4);
        Assert.False(lone[1].LeaseRuns);
    }

    [Fact]
    public void Lease_SoleVoter_AlwaysRuns()
    {
        var group = new TestGroup(1);
        group.Elect(1);
        group.Pass(60_000);
        Assert.Equal(group[1].Now.PlusMs(800), group[1].Core.LeaseEnd(group[1].Now));
    }

    /// <summary>A paused leader counts no ticks; its lease ends by the clock all the same (row C1).</summary>
    [Fact]
    public void C1_LeaderPausedPastItsLease_HoldsNoneWhenItComesBack()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        Assert.True(group[1].LeaseRuns);
        group[1].IsPaused = true;
        group.Tick(40);
        TestPeer other = group.Peers.Single(p => p != group[1] && p.Core.IsLeader);
        group[1].IsPaused = false;
        Assert.True(group[1].Core.IsLeader);
        Assert.False(group[1].LeaseRuns);
        Assert.True(other.LeaseRuns);
    }

    [Fact]
    public void Voter_PromiseRuns_RefusesVoteAndPreVoteHoweverHighTheTerm()
    {
        var group = new TestGroup(3, config => config with { CheckQuorum = false });
        group.Elect(1);
        group.Tick(2);
        Term term = group[2].Core.Term;
        group[2].Core.ForgetLeader(group[2].Now);
        Assert.True(group[2].Core.PromiseEnd > group[2].Now);
        Message vote = ElectionTests.VoteFrom(3, 2, new Term(term.Value + 5), 99, 1);
        group.Deliver(vote);
        group.Deliver(vote with { Kind = MessageKind.PreVote });
        group[2].Drain();
        Assert.Equal(term, group[2].Core.Term);
        Assert.DoesNotContain(
            group.Sent, m => m.From.Value == 2 && m.Kind == MessageKind.VoteResponse && m.Term > term);
        Assert.True(group.Sent.Last(m => m.From.Value == 2 && m.Kind == MessageKind.PreVoteResponse).Reject);

        group.Pass(901);
        group.Deliver(vote);
        group.Settle();
        Assert.Equal(vote.Term, group[2].Core.Term);
        Assert.Equal(new PeerId(3), group[2].Core.Vote);
    }

    [Fact]
    public void Campaign_WhileItsOwnPromiseRuns_WaitsForItsEnd()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        group[1].Crash();
        group[2].Core.ForgetLeader(group[2].Now);
        group[3].Core.ForgetLeader(group[3].Now);
        group[2].Core.Campaign(group[2].Now);
        Assert.Equal(Role.Follower, group[2].Core.Role);
        group.Tick(8);
        Assert.Equal(Role.Follower, group[2].Core.Role);
        group.Tick(3);
        Assert.True(group[2].Core.IsLeader);
    }

    /// <summary>A voter that is back within 200 ms still keeps what it promised.</summary>
    [Fact]
    public void FastRestart_KeepsThePromise()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        foreach (ulong id in new ulong[] { 2, 3 })
        {
            group[id].Crash();
            group[id].Restart();
        }

        group.Isolate(1);
        group[2].Core.Campaign(group[2].Now);
        group.Deliver(ElectionTests.VoteFrom(2, 3, new Term(9), 99, 1));
        group.Settle();
        Assert.True(group[1].LeaseRuns);
        Assert.False(group[2].Core.IsLeader);
        Assert.True(group[3].Core.Vote.Value is 0 or 1);
        group.Pass(901);
        Assert.False(group[1].LeaseRuns);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
    }

    /// <summary>A lone voter owes no one; one whose log may give it company does.</summary>
    [Fact]
    public void Restart_SoleVoter_MakesNoPromiseUnlessItsLogHoldsAChange()
    {
        var group = new TestGroup(1);
        group.Elect(1);
        group[1].Crash();
        group[1].Restart();
        Assert.Equal(Instant.Zero, group[1].Core.PromiseEnd);
        group[1].Core.Campaign(group[1].Now);
        group.Settle();
        ConfChange change = ConfChange.Of(new ConfChangeStep(ConfChangeKind.AddLearner, new PeerId(2)));
        Assert.True(group[1].Core.ProposeConfChange(change, group[1].Now).IsAccepted);
        group[1].HoldApply = true;
        group[1].Drain();
        group[1].PersistAll();
        group[1].Crash();
        group[1].Restart();
        Assert.True(group[1].Core.PromiseEnd > group[1].Now);
    }

    /// <summary>Split law: one named peer may be elected while the promise of the start runs, others not.</summary>
    [Fact]
    public void Start_FirstLeaderNamed_OnlyItIsElectedAtOnce()
    {
        TestGroup group = Newborn();
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.False(group[2].Core.IsLeader);
        group[1].Core.Campaign(group[1].Now);
        group.Settle();
        Assert.True(group[1].Core.IsLeader);

        // A promise made since then binds against the first leader as well.
        group[3].Core.ForgetLeader(group[3].Now);
        group.Deliver(ElectionTests.VoteFrom(1, 3, new Term(7), 99, 1));
        Assert.Equal(group[1].Core.Term, group[3].Core.Term);
    }

    /// <summary>
    /// The leader's clock is slow and the voters' are fast, by as much as the drift allows: whoever is elected in the
    /// first moment in which the promises permit it comes after the lease. A voter that restarts has the same to keep.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void C1_ClocksThatDriftWithinTheAllowance_NeverGiveTwoLeases(bool restart)
    {
        var group = new TestGroup(3);
        group.Checker = new SafetyChecker(group);
        group[1].ClockRate = 0.95;
        group[2].ClockRate = 1.05;
        group[3].ClockRate = 1.05;
        for (int i = 0; i < 20; i++)
        {
            group.Elect(1);
            group.Tick(2);
            Assert.True(group[1].LeaseRuns);
            group.Isolate(1);
            foreach (TestPeer voter in new[] { group[2], group[3] })
            {
                if (restart)
                {
                    voter.Crash();
                    voter.Restart();
                }
            }

            int waited = 0;
            for (; !group[2].Core.IsLeader; waited++)
            {
                Assert.True(waited < 1_000, "nobody is elected at all");
                group.Pass(1);
                group[2].Core.ForgetLeader(group[2].Now);
                group[3].Core.ForgetLeader(group[3].Now);
                group[2].Core.Campaign(group[2].Now);
                group.Settle();
            }

            // In the moment that the fast clocks allow, and no sooner: 900 of their milliseconds.
            Assert.InRange(waited, 855, 860);
            Assert.False(group[1].LeaseRuns);
            group.Heal();
            group.Tick(5);
        }
    }

    /// <summary>D plus drift, from the acknowledgement and from the start.</summary>
    [Fact]
    public void Promise_OfAnAcknowledgementAndOfAStart_LastsDPlusDrift()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Deliver(Messages.Heartbeat(1, 2, group[1].Core.Term.Value));
        Assert.Equal(group[2].Now.PlusMs(800 + 100), group[2].Core.PromiseEnd);
        group.Pass(5_000);
        group[2].Crash();
        group[2].Restart();
        Assert.Equal(group[2].Now.PlusMs(800 + 100), group[2].Core.PromiseEnd);
    }

    private static TestGroup Newborn()
    {
        TestGroup probe = new(1);
        Instant now = probe.LocalNow(probe[1]);
        return new TestGroup(3, config => config with { StartedAt = now, FirstLeader = new PeerId(1) });
    }
}
