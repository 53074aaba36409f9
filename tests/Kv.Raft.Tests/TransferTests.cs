using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

/// <summary>The Transfer law.</summary>
public sealed class TransferTests
{
    [Fact]
    public void Transfer_CaughtUpTarget_LeadsAtOnceInTheNextTerm()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        Term term = group[1].Core.Term;
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
        Assert.Equal(term.Next(), group[2].Core.Term);
        Assert.Equal(Role.Follower, group[1].Core.Role);
    }

    [Fact]
    public void Transfer_TargetBehind_IsCaughtUpFirst_AndProposalsWait()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Isolate(3);
        group.Propose(1, 1);
        group.Settle();
        group.Heal();
        group[1].Core.TransferLeadership(new PeerId(3), group[1].Now);
        Assert.Equal(ProposeOutcome.Transferring, group.Propose(1, 2).Outcome);
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.TimeoutNow);
        group.Tick(5);
        Assert.True(group[3].Core.IsLeader);
        Assert.Equal([1UL], TestGroup.ValuesOf(group[3].Applied));
    }

    /// <summary>Row A11: aborted or not, after TimeoutNow there is no lease in this term; reads take rounds.</summary>
    [Fact]
    public void A11_TransferGivenUp_ProposalsGoOnAndTheLeaseStaysOff()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        Assert.True(group[1].LeaseRuns);
        group.Lose = m => m.Kind == MessageKind.TimeoutNow;
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        Assert.False(group[1].LeaseRuns);
        group.Tick(9);
        Assert.Equal(ProposeOutcome.Transferring, group.Propose(1, 1).Outcome);
        group.Tick(2);
        Assert.True(group[1].Core.TransferTarget.IsNone);
        Assert.True(group.Propose(1, 1).IsAccepted);
        group.Tick(10);
        Assert.Equal(Instant.Zero, group[1].Core.LeaseEnd(group[1].Now));
        Assert.True(group[1].Core.ReadIndex(1, group[1].Now));
        group.Settle();
        Assert.False(group[1].Reads.Single().Refused);
    }

    [Fact]
    public void A11_TransferGivenUpBeforeTimeoutNow_LeaseComesBack()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Isolate(3);
        group.Propose(1, 1);
        group.Tick(2);
        group[1].Core.TransferLeadership(new PeerId(3), group[1].Now);
        Assert.False(group[1].LeaseRuns);
        group.Tick(12);
        Assert.True(group[1].LeaseRuns);
    }

    [Fact]
    public void TimeoutNow_OfAnotherTermOrNotFromTheLeader_IsVoid()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Elect(2);
        Term term = group[2].Core.Term;
        foreach ((ulong from, ulong offset) in new[] { (2UL, 1UL), (1UL, 0UL) })
        {
            group.Deliver(new Message
            {
                Kind = MessageKind.TimeoutNow,
                From = new PeerId(from),
                To = new PeerId(3),
                Term = new Term(term.Value - offset),
            });
        }

        group.Settle();
        Assert.Equal(Role.Follower, group[3].Core.Role);
        Assert.Equal(term, group[3].Core.Term);
    }

    [Fact]
    public void TransferCampaign_Lost_NextCampaignKeepsPromisesAgain()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        group.Lose = m => m.Kind == MessageKind.VoteResponse;
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Settle();
        group.Tick(60);
        group.Lose = null;
        Term transferTerm = group.Sent.First(m => m.Transfer).Term;
        Assert.All(group.Sent.Where(m => m.Transfer), m => Assert.Equal(transferTerm, m.Term));
        group.AwaitLeader();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(9)]
    public void Transfer_ToItselfALearnerOrAStranger_DoesNothing(ulong target)
    {
        var conf = new ConfState([new PeerId(1), new PeerId(2), new PeerId(3)], [new PeerId(4)], [], [], false);
        var group = new TestGroup(conf);
        group.Elect(1);
        group[1].Core.TransferLeadership(new PeerId(target), group[1].Now);
        Assert.True(group[1].Core.TransferTarget.IsNone);
        Assert.True(group.Propose(1, 1).IsAccepted);
    }
}
