using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

public sealed class ReadTests
{
    [Fact]
    public void ReadIndex_OnLeaderAndFollower_AnswersWithTheCommitIndex()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Propose(1, 1);
        group.Settle();
        Assert.True(group[1].Core.ReadIndex(10, group[1].Now));
        Assert.True(group[2].Core.ReadIndex(20, group[2].Now));
        group.Settle();
        Assert.Equal([new ReadState(10, new LogIndex(2), false)], group[1].Reads);
        Assert.Equal([new ReadState(20, new LogIndex(2), false)], group[2].Reads);
    }

    [Fact]
    public void ReadIndex_ManyInOneTurn_ShareOneRound()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Sent.Clear();
        for (ulong id = 1; id <= 500; id++)
        {
            Assert.True(group[1].Core.ReadIndex(id, group[1].Now));
        }

        group.Settle();
        Assert.Equal(500, group[1].Reads.Count);
        Assert.Equal(2, group.Sent.Count(m => m.Kind == MessageKind.Heartbeat));
    }

    /// <summary>Row C2: a new leader answers nothing before it has committed in its own term.</summary>
    [Fact]
    public void C2_NothingCommittedInOwnTerm_ReadIsRefused()
    {
        var group = new TestGroup(3);
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        group.Elect(1);
        Assert.False(group[1].Core.ReadIndex(1, group[1].Now));
        Assert.True(group[2].Core.ReadIndex(2, group[2].Now));
        group.Settle();
        Assert.True(group[2].Reads.Single().Refused);
        group.Lose = null;
        group.Tick(5);
        Assert.True(group[1].Core.ReadIndex(3, group[1].Now));
    }

    /// <summary>Row C3: an answer to a round that began before the read proves nothing for it.</summary>
    [Fact]
    public void C3_AnswersOfAnEarlierRound_DoNotCompleteALaterRead()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group[1].Core.ReadIndex(1, group[1].Now);
        group[1].Drain();
        Message[] first = [.. group.Wire];
        group.Wire.Clear();
        foreach (Message heartbeat in first)
        {
            group.Deliver(heartbeat);
        }

        group[2].Drain();
        group[3].Drain();
        Message[] answers = [.. group.Wire];
        group.Wire.Clear();

        // The second attempt starts while the first one's answers are still on their way, then only those arrive,
        // twice.
        group[1].Core.ReadIndex(2, group[1].Now);
        group[1].Drain();
        group.Wire.Clear();
        foreach (Message answer in answers.Concat(answers))
        {
            group.Deliver(answer);
        }

        group[1].Drain();
        Assert.Equal([1UL], group[1].Reads.Select(r => r.ReadId));
        group.Tick(3);
        Assert.Equal([1UL, 2UL], group[1].Reads.Select(r => r.ReadId));
    }

    /// <summary>Row C3: a paused leader that retries learns that it was replaced, and answers nothing stale.</summary>
    [Fact]
    public void C3_LeaderPausedAndReplaced_RetryIsRefusedOrNewer()
    {
        var group = new TestGroup(3);
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Checker.OnReadAsked(group[1], 1);
        group[1].Core.ReadIndex(1, group[1].Now);
        group[1].IsPaused = true;
        group.Tick(60);
        TestPeer leader = group.Peers.Single(p => p != group[1] && p.Core.IsLeader);
        group.Propose(leader.Core.Id.Value, 5);
        group.Settle();
        group[1].IsPaused = false;
        group.Checker.OnReadAsked(group[1], 2);
        group[1].Core.ReadIndex(2, group[1].Now);
        group.Settle();
        group.Tick(5);
        Assert.Equal([1UL, 2UL], group[1].Reads.Select(r => r.ReadId));
        Assert.All(group[1].Reads, read => Assert.True(read.Refused));
    }

    /// <summary>Row C4: what waits when leadership ends is refused in the same turn, never answered
    /// afterwards.</summary>
    [Fact]
    public void C4_StepDownInTheSameTurn_RefusesAndIgnoresLateAnswers()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group[1].Core.ReadIndex(1, group[1].Now);
        group[1].Drain();
        foreach (Message heartbeat in group.Wire.ToArray())
        {
            group.Deliver(heartbeat);
        }

        group.Wire.Clear();
        group[2].Drain();
        group[3].Drain();
        Message[] answers = [.. group.Wire];
        group.Deliver(new Message
        {
            Kind = MessageKind.Heartbeat,
            From = new PeerId(2),
            To = new PeerId(1),
            Term = group[1].Core.Term.Next(),
        });
        foreach (Message answer in answers)
        {
            group.Deliver(answer);
        }

        group[1].Drain();
        Assert.Equal([new ReadState(1, LogIndex.Zero, true)], group[1].Reads);
    }

    /// <summary>Row C5: the quorum is of voters, for even numbers too, and learners count for nothing.</summary>
    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 2)]
    [InlineData(4, 1)]
    [InlineData(5, 3)]
    public void C5_AnyNumberOfVoters_ReadNeedsExactlyAMajority(int voters, int learners)
    {
        PeerId[] ids = [.. Enumerable.Range(1, voters + learners).Select(i => new PeerId((ulong)i))];
        var group = new TestGroup(new ConfState(ids[..voters], ids[voters..], [], [], false));
        group.Elect(1);
        group.Tick(3);
        int others = voters / 2;
        group.Lose = m => m.Kind == MessageKind.HeartbeatResponse && m.From.Value <= (ulong)voters
            && m.From.Value > (ulong)others;
        group[1].Core.ReadIndex(1, group[1].Now);
        group.Settle();
        Assert.Empty(group[1].Reads);
        group.Lose = m => m.Kind == MessageKind.HeartbeatResponse && m.From.Value > (ulong)others + 1;
        group[1].Core.ReadIndex(2, group[1].Now);
        group.Settle();
        Assert.Equal(2, group[1].Reads.Count);
    }

    [Fact]
    public void ReadIndex_FollowerLosesItsLeader_IsRefused()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Isolate(2);
        Assert.True(group[2].Core.ReadIndex(1, group[2].Now));
        group.Tick(30);
        Assert.Equal([new ReadState(1, LogIndex.Zero, true)], group[2].Reads);
        Assert.False(group[2].Core.ReadIndex(2, group[2].Now));
    }

    /// <summary>Questions whose answers are lost under a steady leader are given up, and do not fill the list for
    /// ever.</summary>
    [Fact]
    public void ReadIndex_AnswersLostForLong_AreRefusedAndMakeRoom()
    {
        var group = new TestGroup(3, config => config with { PendingReadsMax = 4 });
        group.Elect(1);
        group.Lose = m => m.Kind == MessageKind.ReadIndexResponse;
        for (ulong id = 1; id <= 4; id++)
        {
            Assert.True(group[2].Core.ReadIndex(id, group[2].Now));
        }

        Assert.False(group[2].Core.ReadIndex(5, group[2].Now));
        group.Tick(25);
        Assert.Equal(Role.Follower, group[2].Core.Role);
        Assert.Equal([1UL, 2UL, 3UL, 4UL], group[2].Reads.Select(r => r.ReadId));
        Assert.All(group[2].Reads, read => Assert.True(read.Refused));
        group.Lose = null;
        Assert.True(group[2].Core.ReadIndex(6, group[2].Now));
        group.Settle();
        Assert.False(group[2].Reads[^1].Refused);
    }

    [Fact]
    public void ReadIndexResponse_NeverAskedOrTwice_IsIgnored()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group[2].Core.ReadIndex(7, group[2].Now);
        group.Settle();
        Message answer = group.Sent.Single(m => m.Kind == MessageKind.ReadIndexResponse);
        group.Deliver(answer);
        group.Deliver(answer with { ReadId = 8 });
        group[2].Drain();
        Assert.Single(group[2].Reads);
    }

    [Fact]
    public void ReadIndex_SoleVoter_AnswersAtOnce()
    {
        var group = new TestGroup(1);
        group.Elect(1);
        Assert.True(group[1].Core.ReadIndex(1, group[1].Now));
        Assert.False(group[1].Core.TakeReady(group[1].Now).ReadStates.Single().Refused);
    }

    [Fact]
    public void ReadIndex_TooManyWaiting_IsRefused()
    {
        var group = new TestGroup(3, config => config with { PendingReadsMax = 3 });
        group.Elect(1);
        Assert.Equal([true, true, true, false], Enumerable.Range(1, 4).Select(i =>
            group[1].Core.ReadIndex((ulong)i, group[1].Now)));
    }
}
