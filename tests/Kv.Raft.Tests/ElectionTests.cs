using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

public sealed class ElectionTests
{
    [Fact]
    public void Ticks_ThreePeers_ElectOneLeaderThatCommitsItsFirstEntry()
    {
        var group = new TestGroup(3);
        TestPeer leader = group.AwaitLeader();
        group.Tick(5);
        Assert.Single(group.Peers, p => p.Core.IsLeader);
        Assert.All(group.Peers, p => Assert.Equal(leader.Core.Id, p.Core.Leader));
        Assert.All(group.Peers, p => Assert.Equal(new LogIndex(1), p.Core.Applied));
    }

    [Fact]
    public void Campaign_SoleVoter_LeadsOnceItsVoteIsDurable()
    {
        var group = new TestGroup(1);
        group[1].Core.Campaign(group[1].Now);
        group.Settle(persist: false);
        Assert.Equal(Role.Candidate, group[1].Core.Role);
        group.Settle();
        Assert.True(group[1].Core.CommittedInOwnTerm);
    }

    /// <summary>Row A3: nobody is asked for a vote in a term that a crash could take back.</summary>
    [Fact]
    public void A3_CandidateWhoseTermIsNotDurable_AsksNobody()
    {
        var group = new TestGroup(3, config => config with { PreVote = false });
        group[1].Core.Campaign(group[1].Now);
        group[1].Drain();
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.Vote);
        group[1].PersistAll();
        Assert.Equal(2, group.Sent.Count(m => m.Kind == MessageKind.Vote));
    }

    /// <summary>Rows A1, A2: a vote is told when it is durable; a crash before leaves the voter free.</summary>
    [Fact]
    public void A1_VoterCrashesBeforeItsVoteIsDurable_ToldNobodyAndMayVoteAnew()
    {
        var group = new TestGroup(3, config => config with { PreVote = false, LeaseMs = 0 });
        group[1].Core.Campaign(group[1].Now);
        group[1].Drain();
        group[1].PersistAll();
        group.Deliver(group.Wire.Single(m => m.To == group[2].Core.Id));
        group[2].Drain();
        Assert.Equal(group[1].Core.Id, group[2].Core.Vote);
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.VoteResponse);

        group[2].Crash();
        group[2].Restart();
        Assert.True(group[2].Core.Vote.IsNone);
        group[3].Core.Campaign(group[3].Now);
        group[3].Drain();
        group[3].PersistAll();
        group.Deliver(group.Wire.Single(m => m.To == group[2].Core.Id && m.From == group[3].Core.Id));
        group[2].Drain();
        group[2].PersistAll();
        Assert.Equal(group[3].Core.Id, group.Sent.Single(m => m.Kind == MessageKind.VoteResponse && !m.Reject).To);
    }

    [Fact]
    public void A1_VoterRestartsAfterItsVoteWasDurable_VotesForNobodyElseInThatTerm()
    {
        var group = new TestGroup(3, config => config with { PreVote = false, LeaseMs = 0 });
        group.Elect(3);
        group.Elect(1);
        group[2].Crash();
        group[2].Restart();
        Term term = group[1].Core.Term;
        group.Deliver(VoteFrom(3, 2, term, lastIndex: 9, lastTerm: 1));
        group.Settle();
        Assert.True(group.Sent.Last(m => m.Kind == MessageKind.VoteResponse).Reject);
        Assert.Equal(term, group[2].Core.Term);
    }

    /// <summary>Row A4: who comes back from a long cut neither deposes the leader nor raises the term.</summary>
    [Fact]
    public void A4_IsolatedPeerComesBack_LeaderAndTermStay()
    {
        var group = new TestGroup(3);
        TestPeer leader = group.AwaitLeader();
        Term term = leader.Core.Term;
        TestPeer lone = group.Peers.First(p => p != leader);
        group.Isolate(lone.Core.Id.Value);
        group.Tick(6000);
        Assert.Equal(term, lone.Core.Term);
        group.Heal();
        group.Tick(50);
        Assert.True(leader.Core.IsLeader);
        Assert.All(group.Peers, p => Assert.Equal(term, p.Core.Term));
        Assert.Equal(leader.Core.Id, lone.Core.Leader);
    }

    /// <summary>Row A5: two peers that cannot see each other, a third that sees both: no storm, work goes on.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(1, 3)]
    public void A5_PartialCut_LeaderStaysOrMovesOnceAndWritesGoOn(ulong a, ulong b)
    {
        var group = new TestGroup(3);
        group.Elect(1);
        Term before = group[1].Core.Term;
        group.CutBoth(a, b);
        group.Tick(600);
        TestPeer leader = group.AwaitLeader();
        Assert.True(leader.Core.Term.Value <= before.Value + 2, $"storm: {before} to {leader.Core.Term}");
        LogIndex committed = leader.Core.Committed;
        Assert.True(group.Propose(leader.Core.Id.Value, 1).IsAccepted);
        group.Tick(5);
        Assert.True(leader.Core.Committed > committed);
    }

    [Fact]
    public void A5_ChainOfFive_OnlyNeighboursSeeEachOther_TermSettles()
    {
        var group = new TestGroup(5);
        group.Elect(3);
        for (ulong a = 1; a <= 5; a++)
        {
            for (ulong b = a + 2; b <= 5; b++)
            {
                group.CutBoth(a, b);
            }
        }

        group.Tick(300);
        Term term = group[3].Core.Term;
        group.Tick(300);
        Assert.True(group[3].Core.IsLeader);
        Assert.Equal(term, group[3].Core.Term);
    }

    /// <summary>Row A6: a leader that hears nobody steps down, and another takes over.</summary>
    [Fact]
    public void A6_DeafLeader_StepsDownAndIsReplaced()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Cut(2, 1);
        group.Cut(3, 1);
        group.Tick(25);
        Assert.False(group[1].Core.IsLeader);
        group.Tick(60);
        TestPeer leader = group.AwaitLeader();
        Assert.NotEqual(group[1], leader);
    }

    /// <summary>Row A7: a learner that does not know it was promoted votes, or the group could stand still.</summary>
    [Fact]
    public void A7_LearnerAskedForAVote_Votes()
    {
        var conf = new ConfState([new PeerId(1), new PeerId(2)], [new PeerId(3)], [], [], false);
        var group = new TestGroup(conf, config => config with { LeaseMs = 0 });
        group.Deliver(VoteFrom(1, 3, new Term(1), 0, 0));
        group.Settle();
        Assert.False(group.Sent.Single(m => m.Kind == MessageKind.VoteResponse).Reject);
        group[3].Core.Campaign(group[3].Now);
        Assert.Equal(Role.Follower, group[3].Core.Role);
    }

    /// <summary>Row A9: equal peers that start at once do not split votes for ever.</summary>
    [Fact]
    public void A9_ManyGroupsFromAColdStart_AllElectSoon()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            new TestGroup(3, seed: seed).AwaitLeader(ticksMax: 150);
        }
    }

    [Fact]
    public void PreVote_LogBehind_IsRefusedAndRaisesNoTerm()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Isolate(3);
        group.Propose(1, 7);
        group.Settle();
        group.Heal();
        Term term = group[1].Core.Term;
        group.Pass(10_000);
        foreach (TestPeer peer in group.Peers)
        {
            peer.Core.ForgetLeader(peer.Now);
        }

        group[1].Crash();
        group[3].Core.Campaign(group[3].Now);
        group.Settle();
        Assert.Equal(Role.PreCandidate, group[3].Core.Role);
        Assert.True(group.Sent.Last(m => m.Kind == MessageKind.PreVoteResponse).Reject);
        Assert.Equal(term, group[2].Core.Term);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
    }

    [Fact]
    public void ForgetLeader_PromiseOver_VoteNeedsNoTicksOfSilence()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group[1].Crash();
        group.Pass(5_000);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.False(group[2].Core.IsLeader);
        group[3].Core.ForgetLeader(group[3].Now);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
    }

    [Fact]
    public void ForgetLeader_NextHeartbeat_BringsTheLeaderBack()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group[2].Core.ForgetLeader(group[2].Now);
        group[1].Core.ForgetLeader(group[1].Now);
        Assert.True(group[2].Core.Leader.IsNone);
        Assert.Equal(group[1].Core.Id, group[1].Core.Leader);
        group.Tick(3);
        Assert.Equal(group[1].Core.Id, group[2].Core.Leader);
    }

    [Fact]
    public void Priority_HigherPeer_WinsMostElections()
    {
        int wins = 0;
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var group = new TestGroup(3, c => c with { Priority = c.Id.Value == 2 ? 1 : 0 }, seed);
            wins += group.AwaitLeader().Core.Id.Value == 2 ? 1 : 0;
        }

        Assert.True(wins >= 26, $"{wins} of 40");
    }

    [Fact]
    public void Priority_HigherPeerCannotWin_LowerOneDoes()
    {
        var group = new TestGroup(3, config => config with { Priority = config.Id.Value == 2 ? 5 : 0 });
        group.Cut(2, 1);
        group.Cut(2, 3);
        Assert.NotEqual(2UL, group.AwaitLeader(400).Core.Id.Value);
    }

    internal static Message VoteFrom(ulong from, ulong to, Term term, ulong lastIndex, ulong lastTerm) => new()
    {
        Kind = MessageKind.Vote,
        From = new PeerId(from),
        To = new PeerId(to),
        Term = term,
        LogIndex = new LogIndex(lastIndex),
        LogTerm = new Term(lastTerm),
    };
}
