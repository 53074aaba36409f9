using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

public sealed class ReplicationTests
{
    /// <summary>Row B1, Raft paper figure 8: an older term's entry on a majority is not committed by
    /// counting.</summary>
    [Fact]
    public void B1_OldTermEntryOnAMajority_IsNotCommittedUntilAnOwnOneIs()
    {
        ulong[][] terms = [[1, 2], [1, 2], [1], [1], [1, 3]];
        TestGroup group = GroupOf(terms);
        group.CutBoth(1, 4);
        group.CutBoth(1, 5);

        // Peer 1 leads in term 4 or later and brings entry 2 to peer 3, but none of its own entries gets anywhere.
        group.Lose = m => m.Kind == MessageKind.Append && m.Entries.Any(e => e.Term > new Term(3));
        group.Pass(10_000);
        TestPeer leader = group[1];
        leader.Core.Campaign(leader.Now);
        group.Settle();
        Assert.True(leader.Core.IsLeader);
        leader.Core.Tick(leader.Now);
        group.Tick(3);
        var oldOnly = new Message
        {
            Kind = MessageKind.Append,
            From = leader.Core.Id,
            To = new PeerId(3),
            Term = leader.Core.Term,
            LogIndex = new LogIndex(1),
            LogTerm = new Term(1),
            Entries = [new Entry(new LogIndex(2), new Term(2), EntryKind.Normal, new byte[8], 0)],
        };
        group.Deliver(oldOnly);
        group.Settle();
        Assert.Equal(3, group.Peers.Count(p => p.Log.TryGetTerm(new LogIndex(2), out Term t) && t == new Term(2)));
        Assert.Equal(LogIndex.Zero, leader.Core.Committed);
        group.Lose = null;
        group.Tick(5);
        Assert.True(leader.Core.Committed >= new LogIndex(3));
    }

    /// <summary>Row B2: an old append that says less than what is there takes nothing away.</summary>
    [Fact]
    public void B2_OldAppendAfterALongerOne_CutsNothing()
    {
        var group = new TestGroup(3, config => config with { CommitAtOnce = false });
        group.Elect(1);
        for (ulong i = 1; i <= 5; i++)
        {
            group.Propose(1, i);
            group.Settle();
        }

        Message[] appends = [.. group.Sent.Where(m => m.Kind == MessageKind.Append && m.To.Value == 2)];
        LogIndex last = group[2].Core.LastIndex;
        foreach (Message append in appends.Reverse())
        {
            group.Deliver(append with { Commit = LogIndex.Zero });
            group.Settle();
            Assert.Equal(last, group[2].Core.LastIndex);
        }
    }

    /// <summary>Row B2: an old append from below the cut log cannot be compared any more; it is answered with the
    /// commit, because everything up to there agrees with every leader.</summary>
    [Fact]
    public void B2_OldAppendFromBelowTheCutLog_IsAnsweredWithTheCommit()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        for (ulong value = 1; value <= 5; value++)
        {
            group.Propose(1, value);
            group.Settle();
        }

        Message old = group.Sent.First(m => m.Kind == MessageKind.Append && m.To.Value == 2 && m.LogIndex.Value == 2);
        group[2].MakeAppliedDurable();
        group[2].Log.CutTo(group[2].Core.Applied);
        group.Sent.Clear();
        group.Deliver(old);
        group[2].Drain();
        Message answer = Assert.Single(group.Sent);
        Assert.Equal((false, group[2].Core.Committed), (answer.Reject, answer.LogIndex));
    }

    /// <summary>Row B3: the commit rises to what the append covers, not to what happens to stand in the log.</summary>
    [Fact]
    public void B3_CommitBeyondAnAppendsEntries_CommitsOnlyWhatItCovers()
    {
        ulong[][] terms = [[1, 2, 2, 2], [1, 1, 1, 1], [1, 2]];
        TestGroup group = GroupOf(terms);
        group.Deliver(new Message
        {
            Kind = MessageKind.Append,
            From = new PeerId(1),
            To = new PeerId(2),
            Term = new Term(9),
            LogIndex = new LogIndex(1),
            LogTerm = new Term(1),
            Commit = new LogIndex(4),
        });
        group[2].Drain();
        Assert.Equal(new LogIndex(1), group[2].Core.Committed);
    }

    [Fact]
    public void Propose_ManyInOneTurn_GoInOneAppendPerFollower()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        group.Sent.Clear();
        for (ulong i = 0; i < 100; i++)
        {
            Assert.True(group.Propose(1, i).IsAccepted);
        }

        group[1].Drain();
        Assert.Equal([100, 100], group.Sent.Where(m => m.Kind == MessageKind.Append).Select(m => m.Entries.Count));
    }

    [Theory]
    [InlineData(4, long.MaxValue, 4)]
    [InlineData(100, 24, 3)]
    public void Window_NoAnswers_StopsAtItsLimitsAndHeartbeatsKeepProbing(int countMax, long bytesMax, int expected)
    {
        var group = new TestGroup(3, config => config with
        {
            AppendBytesMax = 8,
            InflightCountMax = countMax,
            InflightBytesMax = bytesMax,
        });
        group.Elect(1);
        group.Tick(2);
        group.Lose = m => m.Kind == MessageKind.AppendResponse && m.From.Value == 3;
        group.Sent.Clear();
        for (ulong i = 0; i < 20; i++)
        {
            group.Propose(1, i);
            group[1].Drain();
        }

        Assert.Equal(expected, group.Sent.Count(m => m.To.Value == 3 && m.Entries.Count > 0));
        Assert.True(group[1].Core.Status().Progress[2].IsPaused);
        group.Settle();
        Assert.Equal(group[1].Core.LastIndex, group[1].Core.Committed);

        // The answers were lost, so only a heartbeat's answer can show that the entries arrived.
        group.Lose = null;
        group.Tick(12);
        Assert.Equal(group[1].Core.LastIndex, group[3].Core.Applied);
    }

    [Fact]
    public void Unreachable_FollowerProbes_AndGoesBackToReplicate()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group[1].Core.OnUnreachable(new PeerId(2));
        Assert.Equal(ProgressState.Probe, group[1].Core.Status().Progress[1].State);
        group.Tick(5);
        Assert.Equal(ProgressState.Replicate, group[1].Core.Status().Progress[1].State);
    }

    /// <summary>A refusal that was overtaken says nothing: neither of what is matched, nor of another probe.</summary>
    [Fact]
    public void Refusal_OfAnOlderAppend_ChangesNothing()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Propose(1, 1);
        group.Settle();
        Message refusal = Messages.Answer(MessageKind.AppendResponse, 2, 1, group[1].Core.Term.Value, reject: true);
        PeerProgress before = group[1].Core.Status().Progress[1];
        Assert.Equal(ProgressState.Replicate, before.State);
        group.Deliver(refusal with { LogIndex = before.Match, RejectHint = LogIndex.Zero });
        Assert.Equal(before, group[1].Core.Status().Progress[1]);

        group[1].Core.OnUnreachable(new PeerId(2));
        before = group[1].Core.Status().Progress[1];
        Assert.Equal(ProgressState.Probe, before.State);
        group.Isolate(1);
        group.Propose(1, 2);
        group.Propose(1, 3);
        group[1].Drain();
        before = group[1].Core.Status().Progress[1];
        group.Heal();
        group.Deliver(refusal with { LogIndex = before.Next, RejectHint = LogIndex.Zero });
        Assert.Equal(before, group[1].Core.Status().Progress[1]);
    }

    [Fact]
    public void Heartbeat_FollowerBehind_CommitIsCappedAtItsMatch()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Lose = m => m.To.Value == 3 && m.Kind == MessageKind.Append;
        group.Propose(1, 1);
        group.Tick(10);
        Assert.All(
            group.Sent.Where(m => m.Kind == MessageKind.Heartbeat && m.To.Value == 3),
            m => Assert.True(m.Commit <= new LogIndex(1)));
        Assert.Equal(new LogIndex(2), group[1].Core.Committed);
        group.Lose = null;
        group.Tick(6);
        Assert.Equal(new LogIndex(2), group[3].Core.Committed);
    }

    [Fact]
    public void CommitAtOnceOff_FollowersLearnByTheNextHeartbeat()
    {
        var group = new TestGroup(3, config => config with { CommitAtOnce = false });
        group.Elect(1);
        group.Tick(3);
        group.Sent.Clear();
        group.Propose(1, 1);
        group.Settle();
        Assert.Equal(2, group.Sent.Count(m => m.Kind == MessageKind.Append));
        Assert.True(group[2].Core.Committed < group[1].Core.Committed);
        group.Tick(3);
        Assert.Equal(group[1].Core.Committed, group[2].Core.Committed);
    }

    /// <summary>Rows B11, B12: without a quorum the log is bounded; what could never be sent is never taken.</summary>
    [Fact]
    public void B11_WithoutAQuorum_ProposalsAreBounded()
    {
        var group = new TestGroup(3, config => config with { UncommittedBytesMax = 100, EntryBytesMax = 60 });
        group.Elect(1);
        Assert.Equal(ProposeOutcome.EntryTooLarge, group.Propose(1, new byte[61]).Outcome);
        group.Isolate(1);
        Assert.True(group.Propose(1, new byte[60]).IsAccepted);
        Assert.True(group.Propose(1, new byte[40]).IsAccepted);
        Assert.Equal(ProposeOutcome.TooManyUncommittedBytes, group.Propose(1, new byte[1]).Outcome);
        Assert.Equal(ProposeOutcome.NotLeader, group.Propose(2, 1).Outcome);
        group.Heal();
        group.Tick(5);
        Assert.True(group.Propose(1, new byte[60]).IsAccepted);
        Assert.Equal(60, group[1].Core.Status().UncommittedBytes);
    }

    /// <summary>Row B11: entries inherited from older terms do not make room for own ones when they are
    /// applied.</summary>
    [Fact]
    public void B11_InheritedEntriesApplied_TheBoundOnOwnOnesStays()
    {
        TestGroup group = GroupOf([[1, 1, 1], [1, 1, 1], [1, 1, 1]], c => c with { UncommittedBytesMax = 16 });
        group.Lose = m => m.Kind is MessageKind.AppendResponse;
        group.Elect(1);
        Assert.True(group.Propose(1, 1).IsAccepted);
        Assert.True(group.Propose(1, 2).IsAccepted);
        Assert.Equal(ProposeOutcome.TooManyUncommittedBytes, group.Propose(1, 3).Outcome);
        group.Lose = m => m.Entries.Any(e => e.Kind == EntryKind.Normal && e.Term > new Term(1));
        group.Deliver(group.Sent.Last(m => m.Kind == MessageKind.AppendResponse));
        group[1].Drain();
        Assert.Equal(new LogIndex(4), group[1].Core.Applied);
        Assert.Equal(16, group[1].Core.Status().UncommittedBytes);
        Assert.Equal(ProposeOutcome.TooManyUncommittedBytes, group.Propose(1, 3).Outcome);
    }

    /// <summary>Row B7: a leader cut off with proposals of its own gives them up for the new leader's.</summary>
    [Fact]
    public void B7_OldLeaderWithUncommittedEntries_TakesTheNewLeadersLog()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Isolate(1);
        group.Propose(1, 111);
        group.Propose(1, 112);
        group.Tick(80);
        TestPeer leader = group.AwaitLeader();
        group.Propose(leader.Core.Id.Value, 222);
        group.Settle();
        group.Heal();
        group.Tick(10);
        Assert.Equal([222UL], TestGroup.ValuesOf(group[1].Applied));
    }

    internal static TestGroup GroupOf(ulong[][] terms, Func<RaftConfig, RaftConfig>? configure = null)
    {
        ConfState conf = ConfState.OfVoters([.. Enumerable.Range(1, terms.Length).Select(i => new PeerId((ulong)i))]);
        return new TestGroup(conf, configure, 1, id =>
        {
            ulong[] own = terms[id.Value - 1];
            Entry[] entries =
            [
                .. own.Select((t, i) =>
                    new Entry(new LogIndex((ulong)i + 1), new Term(t), EntryKind.Normal, new byte[8], 0)),
            ];
            return MemoryLog.Of(new HardState(new Term(terms.Max(t => t.Max())), default, default), entries);
        });
    }
}
