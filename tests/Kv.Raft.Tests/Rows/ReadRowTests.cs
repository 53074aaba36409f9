using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Rows;

/// <summary>Checklist rows C (reads) as scripts.</summary>
public sealed class ReadRowTests
{
    /// <summary>Stopped past its lease, the first thing a leader does when it goes on is to read.</summary>
    [Fact]
    public void C1_LeaderStoppedPastItsLease_ReadsFirstAndGetsNothingStale()
    {
        var group = new TestGroup(3);
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Tick(2);
        group[1].IsPaused = true;
        group.Tick(40);
        TestPeer other = group.AwaitLeader();
        group.Propose(other.Core.Id.Value, 7);
        group.Settle();
        group[1].IsPaused = false;
        Assert.Equal(Instant.Zero, LeaseOrZero(group[1]));
        group.Checker.OnReadAsked(group[1], 1);
        group[1].Core.ReadIndex(1, group[1].Now);
        group.Tick(3);
        Assert.True(Assert.Single(group[1].Reads).Refused);
    }

    /// <summary>Answers that complete a round and the end of leadership in one turn, in both orders: a read that was
    /// proved before is answered with the index it was proved for, one that was not is refused.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void C4_ReadStateAndLeaderChangeInOneTurn_AnswerIsOfTheTimeBefore(bool answersFirst)
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Settle();
        LogIndex committed = group[1].Core.Committed;
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
        group.Wire.Clear();
        Message deposed = Messages.Append(
            2, 1, group[1].Core.Term.Value + 1, committed.Value, 1, committed.Value + 1, 2);
        foreach (Message message in answersFirst ? [.. answers, deposed] : new[] { deposed }.Concat(answers))
        {
            group.Deliver(message);
        }

        Assert.Equal(Role.Follower, group[1].Core.Role);
        group[1].Drain();
        Assert.Equal(
            answersFirst ? new ReadState(1, committed, Refused: false) : new ReadState(1, LogIndex.Zero, Refused: true),
            Assert.Single(group[1].Reads));
    }

    /// <summary>Reads of followers that share a round do not survive a transfer: they are refused, asked again, and
    /// then see what the new leader has committed.</summary>
    [Fact]
    public void C9_FollowersReadsUnderATransfer_AreRefusedAndThenSeeTheNewLeadersWrites()
    {
        var group = new TestGroup(3);
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Tick(2);
        group.Lose = m => m.Kind == MessageKind.HeartbeatResponse;
        for (ulong id = 1; id <= 5; id++)
        {
            group.Checker.OnReadAsked(group[3], id);
            Assert.True(group[3].Core.ReadIndex(id, group[3].Now));
        }

        group.Settle();
        Message[] rounds = [.. group.Sent.Where(m => m.Kind == MessageKind.HeartbeatResponse)];
        Assert.Empty(group[3].Reads);
        group.Lose = null;
        group[1].Core.TransferLeadership(new PeerId(2), group[1].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
        LogIndex written = group.Propose(2, 7).Index;
        group.Settle();
        foreach (Message late in rounds)
        {
            group.Deliver(late);
        }

        group.Settle();
        Assert.Equal(5, group[3].Reads.Count);
        Assert.All(group[3].Reads, read => Assert.True(read.Refused));
        group.Checker.OnReadAsked(group[3], 6);
        Assert.True(group[3].Core.ReadIndex(6, group[3].Now));
        group.Settle();
        Assert.Equal(new ReadState(6, written, Refused: false), group[3].Reads[^1]);
    }

    /// <summary>A follower that restarts further back answers no read before it is there again.</summary>
    [Fact]
    public void C10_AppliedIndexFallsBackInARestart_ReadWaitsForTheIndexOfItsRound()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        for (ulong value = 1; value <= 5; value++)
        {
            group.Propose(1, value);
            group.Settle();
        }

        LogIndex last = group[1].Core.Committed;
        group[3].Crash();
        group[3].HoldApply = true;
        group[3].Restart();
        Assert.Equal(LogIndex.Zero, group[3].Core.Applied);
        group.Tick(3);
        Assert.True(group[3].Core.ReadIndex(1, group[3].Now));
        group.Settle();
        ReadState read = Assert.Single(group[3].Reads);
        Assert.Equal((last, false), (read.Index, read.Refused));
        Assert.True(group[3].Core.Applied < read.Index, "the asker must wait");
        group[3].ApplyAll();
        Assert.Equal(read.Index, group[3].Core.Applied);
    }

    private static Instant LeaseOrZero(TestPeer peer) => peer.LeaseRuns ? peer.Core.LeaseEnd(peer.Now) : Instant.Zero;
}
