using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

public sealed class SnapshotTests
{
    [Fact]
    public void SlowFollower_LogCutPastIt_TakesASnapshotAndGoesOn()
    {
        TestGroup group = WithPeer3Behind(out SnapshotMeta meta);
        group.Tick(5);
        Assert.Equal(meta.Index, group[3].Log.FirstIndex.Previous());
        Assert.Equal(TestGroup.ValuesOf(group[1].Applied), TestGroup.ValuesOf(group[3].Applied));
        Assert.Equal(ProgressState.Replicate, group[1].Core.Status().Progress[2].State);
        group.Propose(1, 99);
        group.Settle();
        Assert.Equal(99UL, TestGroup.ValuesOf(group[3].Applied).Last());
    }

    [Fact]
    public void E8_SnapshotUnderWay_NothingElseIsSentUntilItIsReportedFailed()
    {
        TestGroup group = WithPeer3Behind(out _);
        group.Lose = m => m.Kind == MessageKind.Snapshot;
        group.Tick(5);
        Assert.Equal(ProgressState.Snapshot, group[1].Core.Status().Progress[2].State);
        int count = group.Sent.Count(m => m.Kind == MessageKind.Snapshot);
        group.Tick(10);
        Assert.Equal(count, group.Sent.Count(m => m.Kind == MessageKind.Snapshot));

        // Row E8: a failed one is tried again, from the next heartbeat's answer on.
        group.Lose = null;
        group[1].Core.OnSnapshotReport(new PeerId(3), ok: false);
        group.Tick(5);
        Assert.Equal(group[1].Core.LastIndex, group[3].Core.Applied);
    }

    /// <summary>Row E8: a snapshot that was lost without any report does not leave its peer behind for ever.</summary>
    [Fact]
    public void E8_SnapshotLostWithoutAReport_IsSentAgainInTheEnd()
    {
        TestGroup group = WithPeer3Behind(out _, config => config with { SnapshotTicks = 50 });
        group.Lose = m => m.Kind == MessageKind.Snapshot;
        group.Tick(40);
        Assert.Single(group.Sent, m => m.Kind == MessageKind.Snapshot);
        group.Lose = null;
        group.Tick(40);
        Assert.Equal(group[1].Core.LastIndex, group[3].Core.Applied);
    }

    /// <summary>Row E8: the log was cut on while the snapshot travelled. What arrived frees the peer for a newer
    /// one.</summary>
    [Fact]
    public void E8_LogCutPastTheSnapshotMeanwhile_ItsArrivalLeadsToANewerOne()
    {
        TestGroup group = WithPeer3Behind(out SnapshotMeta first);
        Message? held = null;
        group.Lose = m =>
        {
            held = m.Kind == MessageKind.Snapshot ? m : held;
            return m.Kind == MessageKind.Snapshot;
        };
        group.Tick(5);
        for (ulong i = 1; i <= 5; i++)
        {
            group.Propose(1, i);
            group.Settle();
        }

        Assert.True(group[1].Core.TryTermAt(group[1].Core.Applied, out Term term));
        group[1].MakeAppliedDurable();
        group[1].Log.SnapshotToSend = new SnapshotMeta(group[1].Core.Applied, term, group[1].Core.Conf);
        group[1].Log.CutTo(group[1].Core.Applied);
        group.Lose = null;
        Assert.Equal(first.Index, held!.Snapshot!.Index);
        group.Deliver(held);
        group.Tick(6);
        Assert.Equal(group[1].Core.LastIndex, group[3].Core.Applied);
    }

    [Fact]
    public void Snapshot_NoneAtHand_IsAskedForAgain()
    {
        TestGroup group = WithPeer3Behind(out SnapshotMeta meta);
        group[1].Log.SnapshotToSend = null;
        group.Tick(10);
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.Snapshot);
        group[1].Log.SnapshotToSend = meta;
        group.Tick(4);
        Assert.Equal(group[1].Core.LastIndex, group[3].Core.Applied);
    }

    /// <summary>Snapshot law: until the install is durable the peer neither votes, acknowledges nor applies.</summary>
    [Fact]
    public void Install_NotYetDurable_PeerSaysNothingAndDoesNotCampaign()
    {
        TestGroup group = WithPeer3Behind(out SnapshotMeta meta);
        Message? snapshot = null;
        group.Lose = m =>
        {
            snapshot = m.Kind == MessageKind.Snapshot ? m : snapshot;
            return m.Kind == MessageKind.Snapshot;
        };
        group.Tick(5);
        group.Lose = null;
        group[3].PersistAll();
        group.Deliver(snapshot!);
        group[3].Drain();
        group.Sent.Clear();
        Assert.Equal(1, group[3].PendingWriteCount);
        group.Deliver(new Message
        {
            Kind = MessageKind.Heartbeat,
            From = new PeerId(1),
            To = new PeerId(3),
            Term = group[1].Core.Term,
            SentAt = group[1].Now,
        });
        group[3].Drain();
        group.Pass(5_000);
        group[3].Core.Campaign(group[3].Now);
        Assert.Equal(Role.Follower, group[3].Core.Role);
        Assert.DoesNotContain(group.Sent, m => m.From.Value == 3);
        Assert.Equal(LogIndex.Zero, group[3].Core.Persisted);
        group[3].PersistAll();
        Assert.Equal(meta.Index, group[3].Core.Applied);
        Assert.Contains(group.Sent, m => m.From.Value == 3 && m.LogIndex == meta.Index);
        Assert.Contains(group.Sent, m => m.From.Value == 3 && m.Kind == MessageKind.HeartbeatResponse);
    }

    /// <summary>Row E3: an old snapshot changes nothing; one whose place is in the log only commits it.</summary>
    [Fact]
    public void Snapshot_OlderOrAlreadyInTheLog_IsNotInstalled()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Propose(1, 1);
        group.Settle();
        LogIndex applied = group[2].Core.Applied;
        SendSnapshot(group, new LogIndex(1), new Term(1));
        Assert.Equal(applied, group[2].Core.Applied);
        Assert.Equal(LogIndex.Zero, group[2].Log.FirstIndex.Previous());
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        LogIndex index = group.Propose(1, 2).Index;
        group.Settle();
        SendSnapshot(group, index, new Term(1));
        Assert.Equal(index, group[2].Core.Committed);
        Assert.Equal(LogIndex.Zero, group[2].Log.FirstIndex.Previous());
    }

    [Fact]
    public void Snapshot_DoesNotNameThisPeer_IsRefused()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        ConfState others = ConfState.OfVoters(new PeerId(1), new PeerId(3));
        group.Deliver(SnapshotMessage(group, new LogIndex(50), new Term(1), others));
        group.Settle();
        Assert.Equal(new LogIndex(1), group[2].Core.LastIndex);
    }

    private static TestGroup WithPeer3Behind(
        out SnapshotMeta meta, Func<RaftConfig, RaftConfig>? configure = null)
    {
        var group = new TestGroup(3, configure ?? (config => config with { InflightCountMax = 2 }));
        group.Elect(1);
        group.Isolate(3);
        for (ulong i = 1; i <= 10; i++)
        {
            group.Propose(1, i);
            group.Settle();
        }

        RaftPeer leader = group[1].Core;
        Assert.True(leader.TryTermAt(leader.Applied, out Term term));
        meta = new SnapshotMeta(leader.Applied, term, leader.Conf);
        group[1].MakeAppliedDurable();
        group[1].Log.SnapshotToSend = meta;
        group[1].Log.CutTo(leader.Applied);
        group.Heal();
        return group;
    }

    private static void SendSnapshot(TestGroup group, LogIndex index, Term term)
    {
        group.Deliver(SnapshotMessage(group, index, term, group.Conf));
        group.Settle();
    }

    private static Message SnapshotMessage(TestGroup group, LogIndex index, Term term, ConfState conf) => new()
    {
        Kind = MessageKind.Snapshot,
        From = new PeerId(1),
        To = new PeerId(2),
        Term = group[1].Core.Term,
        Snapshot = new SnapshotMeta(index, term, conf),
    };
}
