using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Paper;

/// <summary>What we take from the Raft dissertation beyond the paper, by its sections.</summary>
public sealed class DissertationTests
{
    /// <summary>§3.10: the leader takes no more, brings the target's log up to its own, and only then lets it go
    /// on.</summary>
    [Fact]
    public void Section3_10_Transfer_StopsProposals_CatchesUp_ThenTellsTheTarget()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        group.Lose = m => m.Kind == MessageKind.Append && m.To.Value == 3;
        LogIndex last = group.Propose(1, 1).Index;
        group.Settle();
        group[1].Core.TransferLeadership(new PeerId(3), group[1].Now);
        Assert.Equal(ProposeOutcome.Transferring, group.Propose(1, 2).Outcome);
        group.Settle();
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.TimeoutNow);
        group.Lose = m => m.Kind == MessageKind.TimeoutNow;
        group.Tick(3);
        Assert.Equal(last, group[3].Core.LastIndex);
        Assert.Equal(new PeerId(3), group.Sent.Single(m => m.Kind == MessageKind.TimeoutNow).To);
    }

    /// <summary>§3.10: the target campaigns at once, in the next term, past pre-vote and promises.</summary>
    [Fact]
    public void Section3_10_Target_CampaignsAtOnceAndWins()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        Term term = group[1].Core.Term;
        Assert.True(group[2].Core.PromiseEnd > group[2].Now);
        group.Sent.Clear();
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Settle();
        Assert.Equal((true, term.Next()), (group[2].Core.IsLeader, group[2].Core.Term));
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.PreVote);
    }

    /// <summary>§3.10: not done within about an election timeout, the transfer is given up and work goes on.</summary>
    [Fact]
    public void Section3_10_TargetDoesNotTakeOver_TransferIsGivenUp()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        group[2].Crash();
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Tick(9);
        Assert.Equal(ProposeOutcome.Transferring, group.Propose(1, 1).Outcome);
        group.Tick(1);
        Assert.True(group.Propose(1, 1).IsAccepted);
    }

    /// <summary>§4.1: no second change before the first is done.</summary>
    [Fact]
    public void Section4_1_SecondChange_WaitsForTheFirst()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Settle();
        Assert.True(Change(group, 1, ConfChangeKind.AddLearner, 4).IsAccepted);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Change(group, 1, ConfChangeKind.AddLearner, 5).Outcome);
        group.Settle();
        Assert.True(Change(group, 1, ConfChangeKind.AddLearner, 5).IsAccepted);
    }

    /// <summary>§4.2.1: a new server learns first; it gets a vote once it lacks little, and only while it
    /// answers.</summary>
    [Fact]
    public void Section4_2_1_NewServer_GetsItsVoteOnlyWhenCaughtUp()
    {
        var conf = new ConfState([new PeerId(1), new PeerId(2), new PeerId(3)], [new PeerId(4)], [], [], false);
        var group = new TestGroup(conf, config => config with { PromoteLagMax = 5 });
        group.Elect(1);
        group.Tick(3);
        group.Isolate(4);
        for (ulong value = 1; value <= 6; value++)
        {
            group.Propose(1, value);
            group.Settle();
        }

        Assert.Equal(ProposeOutcome.ConfChangeRefused, Change(group, 1, ConfChangeKind.AddVoter, 4).Outcome);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Change(group, 1, ConfChangeKind.AddVoter, 9).Outcome);
        group.Heal();
        group.Tick(5);
        Assert.True(Change(group, 1, ConfChangeKind.AddVoter, 4).IsAccepted);
        group.Settle();
        Assert.Contains(new PeerId(4), group[4].Core.Conf.Voters);
    }

    /// <summary>§4.2.2: a leader that is to go hands over first. (The dissertation lets it manage the change without
    /// counting itself; handing over while joint is the other way it names.)</summary>
    [Fact]
    public void Section4_2_2_LeaderThatIsTakenOut_HandsOverAndIsNotCountedByItsHeir()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Settle();
        Assert.True(Change(group, 1, ConfChangeKind.RemovePeer, 1).IsAccepted);
        group.Tick(4);
        TestPeer heir = group.TheLeader!;
        Assert.NotEqual(1UL, heir.Core.Id.Value);
        group.Tick(3);
        Assert.Equal([new PeerId(2), new PeerId(3)], heir.Core.Conf.Voters);
        TestPeer other = group[heir.Core.Id.Value == 2 ? 3UL : 2UL];
        other.Crash();
        LogIndex index = group.Propose(heir.Core.Id.Value, 7).Index;
        group.Tick(3);
        Assert.True(heir.Core.Committed < index, "who was taken out was counted");
        Assert.Equal(Role.Follower, group[1].Core.Role);
    }

    /// <summary>§4.2.3: who hears a leader refuses votes and keeps its term, whoever asks, however high the
    /// term.</summary>
    [Fact]
    public void Section4_2_3_RemovedServerThatCampaigns_DisturbsNobody()
    {
        var group = new TestGroup(3, config => config with { LeaseMs = 0 });
        group.Elect(1);
        group.Settle();
        Assert.True(Change(group, 1, ConfChangeKind.RemovePeer, 3).IsAccepted);
        group.Tick(3);
        Term term = group[1].Core.Term;
        for (ulong i = 1; i <= 20; i++)
        {
            foreach (ulong to in new ulong[] { 1, 2 })
            {
                group.Deliver(Messages.Vote(3, to, term.Value + i, 99, term.Value));
            }

            group.Tick(1);
        }

        Assert.True(group[1].Core.IsLeader);
        Assert.Equal((term, term), (group[1].Core.Term, group[2].Core.Term));
    }

    /// <summary>§4.3: joint membership, then the new one, whatever crashes in between; see row D5.</summary>
    [Fact]
    public void Section4_3_SeveralPeersReplacedAtOnce_GoThroughOneJointMembership()
    {
        var conf = new ConfState(
            [new PeerId(1), new PeerId(2), new PeerId(3)], [new PeerId(4), new PeerId(5)], [], [], false);
        var group = new TestGroup(conf);
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Tick(5);
        ConfChange change = ConfChange.Of(
            new(ConfChangeKind.AddVoter, new PeerId(4)), new(ConfChangeKind.AddVoter, new PeerId(5)),
            new(ConfChangeKind.RemovePeer, new PeerId(2)), new(ConfChangeKind.AddLearner, new PeerId(3)));
        Assert.True(group[1].Core.ProposeConfChange(change, group[1].Now).IsAccepted);
        group.Tick(5);
        foreach (ulong id in new ulong[] { 1, 3, 4, 5 })
        {
            Assert.Equal("1,4,5//3//False", SafetyChecker.Describe(group[id].Core.Conf));
        }

        Assert.Equal(2, group[1].Log.Entries.Count(e => e.Kind == EntryKind.ConfChange));
    }

    /// <summary>§6.4: the index is the commit index when the round began, and a follower's read takes the same
    /// way.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Section6_4_ReadIndex_IsTheCommitIndexAtTheStartOfARoundThatAMajorityAnswered(ulong asker)
    {
        var group = new TestGroup(3, Messages.Bare);
        group.Elect(1);
        LogIndex before = group.Propose(1, 1).Index;
        group.Settle();
        Assert.True(group[asker].Core.ReadIndex(9, group[asker].Now));
        group[asker].Drain();
        if (asker != 1)
        {
            group.Deliver(group.Wire.Single(m => m.Kind == MessageKind.ReadIndex));
            group.Wire.Clear();
            group[1].Drain();
        }

        group.Propose(1, 2);
        group.Settle();
        Assert.Equal(new ReadState(9, before, Refused: false), Assert.Single(group[asker].Reads));
        Assert.True(group[1].Core.Committed > before);
    }

    /// <summary>§6.4.1: a lease from the send of what a majority acknowledged; and, beyond the dissertation, a promise
    /// by the voters that makes it true (Lease law).</summary>
    [Fact]
    public void Section6_4_1_Lease_EndsBeforeAnybodyElseCanBeElected()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        Instant leaseEnd = group[1].Core.LeaseEnd(group[1].Now);
        group.Isolate(1);
        while (!new[] { group[2], group[3] }.Any(p => p.Core.IsLeader))
        {
            Assert.True(group[2].Core.Term == group[1].Core.Term || group[1].Now > leaseEnd);
            group.Pass(10);
            foreach (TestPeer peer in new[] { group[2], group[3] })
            {
                peer.Core.ForgetLeader(peer.Now);
                peer.Core.Campaign(peer.Now);
                group.Settle();
            }
        }

        Assert.True(group[1].Core.IsLeader, "it does not know yet");
        Assert.False(group[1].LeaseRuns);
        Assert.Equal(leaseEnd, group[1].Core.LeaseEnd(group[1].Now));
    }

    /// <summary>§9.6: who cannot win asks only, and raises no term; who comes back disturbs nobody.</summary>
    [Fact]
    public void Section9_6_PreVote_RaisesNoTermUntilAMajorityWouldVote()
    {
        var group = new TestGroup(5, config => config with { LeaseMs = 0, CheckQuorum = false });
        group.Elect(1);
        Term term = group[1].Core.Term;
        group[5].Core.Campaign(group[5].Now);
        group.Lose = m => m.Kind == MessageKind.PreVoteResponse && m.From.Value is 2 or 3 or 4;
        group[5].Drain();
        Message[] asked = [.. group.Wire.Where(m => m.Kind == MessageKind.PreVote)];
        Assert.Equal(4, asked.Length);
        Assert.All(asked, m => Assert.Equal(term.Next(), m.Term));
        group.Settle();
        Assert.Equal(Role.PreCandidate, group[5].Core.Role);
        Assert.Equal(term, group[5].Core.Term);
        group.Lose = m => m.Kind == MessageKind.PreVoteResponse && m.From.Value is 3 or 4;
        group[5].Core.Campaign(group[5].Now);
        group.Settle();
        Assert.Equal((true, term.Next()), (group[5].Core.IsLeader, group[5].Core.Term));
    }

    /// <summary>§9.6: a pre-vote binds nobody; several can have it at once.</summary>
    [Fact]
    public void Section9_6_PreVote_IsGivenToEveryoneThatCouldWin()
    {
        var group = new TestGroup(3, config => config with { LeaseMs = 0 });
        group.Deliver(Messages.PreVote(2, 1, 1));
        group.Deliver(Messages.PreVote(3, 1, 1));
        group[1].Drain();
        Assert.Equal(2, group.Sent.Count(m => m.Kind == MessageKind.PreVoteResponse && !m.Reject));
        Assert.True(group[1].Core.Vote.IsNone);
        Assert.Equal(0, group[1].PendingWriteCount);
    }

    /// <summary>§10.2.1: the leader's own write runs beside its followers', and an entry that they hold is committed
    /// before the leader holds it.</summary>
    [Fact]
    public void Section10_2_1_LeadersWrite_RunsBesideItsFollowers()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        LogIndex index = group.Propose(1, 7).Index;
        group[1].Drain();
        Assert.Equal(1, group[1].PendingWriteCount);
        group[2].PersistAll();
        group[3].PersistAll();
        for (int i = 0; i < 4; i++)
        {
            group.Settle(persist: false);
            group[2].PersistAll();
            group[3].PersistAll();
        }

        Assert.Equal(1, group[1].PendingWriteCount);
        Assert.Equal(index, group[1].Core.Committed);
        Assert.True(group[1].Core.Applied < index, "Cut law: not applied before the own log holds it");
    }

    /// <summary>§10.2.2: entries are batched, and sent on before older ones are acknowledged.</summary>
    [Fact]
    public void Section10_2_2_Appends_AreBatchedAndPipelined()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        group.Sent.Clear();
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        for (ulong batch = 0; batch < 5; batch++)
        {
            group.Propose(1, 2 * batch);
            group.Propose(1, (2 * batch) + 1);
            group.Settle();
        }

        Message[] appends = [.. group.Sent.Where(m => m.Kind == MessageKind.Append && m.To.Value == 2)];
        Assert.Equal([2, 2, 2, 2, 2], appends.Select(m => m.Entries.Count));
        Assert.Equal(group[1].Core.LastIndex, group[2].Core.LastIndex);
        Assert.Equal(5, group[1].Core.Status().Progress[1].InflightCount);
    }

    /// <summary>§10.2.2: the receiver sees by the consistency check that something was lost from the
    /// pipeline.</summary>
    [Fact]
    public void Section10_2_2_LostFromThePipeline_IsNoticedAndSentAgain()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        bool lost = false;
        group.Lose = m => m.Kind == MessageKind.Append && m.To.Value == 2 && m.Entries.Count > 0 && !lost
            && (lost = true);
        group.Propose(1, 1);
        group.Settle();
        group.Propose(1, 2);
        group.Settle();
        Assert.True(lost);
        Assert.Contains(group.Sent, m => m.Kind == MessageKind.AppendResponse && m.Reject);
        Assert.Equal([1UL, 2UL], TestGroup.ValuesOf(group[2].Applied));
    }

    private static ProposeResult Change(TestGroup group, ulong leader, ConfChangeKind kind, ulong peer) =>
        group[leader].Core.ProposeConfChange(
            ConfChange.Of(new ConfChangeStep(kind, new PeerId(peer))), group[leader].Now);
}
