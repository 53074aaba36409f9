using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

/// <summary>What sleep means to the core (Sleep law).</summary>
public sealed class SleepTests(ITestOutputHelper output)
{
    private static readonly PeerId[] All = [new(1), new(2), new(3)];

    [Fact]
    public void CanSleep_OnlyWhenEveryLivePeerHoldsAndKnowsAll()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(4);
        Assert.True(group[1].Core.CanSleep(All));
        Assert.False(group[2].Core.CanSleep(All));
        group.Isolate(3);
        group.Propose(1, 1);
        Assert.False(group[1].Core.CanSleep(All));
        group.Tick(4);
        Assert.False(group[1].Core.CanSleep(All));
        Assert.True(group[1].Core.CanSleep([new PeerId(1), new PeerId(2)]));
    }

    [Fact]
    public void CanSleep_FollowerHoldsAllButDoesNotKnowTheCommit_IsFalse()
    {
        var group = new TestGroup(3, config => config with { CommitAtOnce = false });
        group.Elect(1);
        group.Settle();
        Assert.Equal(group[1].Core.LastIndex, group[2].Core.LastIndex);
        Assert.False(group[1].Core.CanSleep(All));
        group.Tick(3);
        Assert.True(group[1].Core.CanSleep(All));
    }

    [Fact]
    public void Asleep_NoTicksNoMessagesNoLease()
    {
        TestGroup group = Sleeping();
        group.Sent.Clear();
        group.Tick(500);
        Assert.Empty(group.Sent);
        Assert.Equal(Instant.Zero, group[1].Core.LeaseEnd(group[1].Now));
        Assert.All(group.Peers, p => Assert.Equal(new PeerId(1), p.Core.Leader));
    }

    /// <summary>A late answer of a peer that was left behind is noted; catching it up waits for the waking.</summary>
    [Theory]
    [InlineData(MessageKind.HeartbeatResponse, false)]
    [InlineData(MessageKind.AppendResponse, false)]
    [InlineData(MessageKind.AppendResponse, true)]
    public void Asleep_LateAnswerOfAPeerBehind_SendsNothingUntilAwake(MessageKind kind, bool reject)
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Isolate(3);
        group.Propose(1, 1);
        group.Tick(4);
        group.Heal();
        group.Wire.Clear();
        Assert.True(group[1].Core.CanSleep([new PeerId(1), new PeerId(2)]));
        group[1].Core.Sleep();
        group[2].Core.Sleep();
        group.Sent.Clear();
        group.Deliver(new Message
        {
            Kind = kind,
            From = new PeerId(3),
            To = new PeerId(1),
            Term = group[1].Core.Term,
            LogIndex = new LogIndex(reject ? 2UL : 1UL),
            Reject = reject,
            RejectHint = new LogIndex(1),
            LogTerm = reject ? group[1].Core.Term : Term.Zero,
        });
        group[1].Drain();
        Assert.Empty(group.Sent);
        Assert.True(group[1].Core.IsAsleep);
        group[1].Core.Wake(group[1].Now);
        group.Settle();
        Assert.Equal(group[1].Core.LastIndex, group[3].Core.LastIndex);
    }

    [Fact]
    public void Wake_Leader_HasNoLeaseUntilANewRoundIsAnswered()
    {
        TestGroup group = Sleeping();
        group[1].Core.Wake(group[1].Now);
        Assert.False(group[1].LeaseRuns);
        group.Settle();
        Assert.True(group[1].LeaseRuns);
        Assert.All(group.Peers, p => Assert.False(p.Core.IsAsleep));
        Term term = group[1].Core.Term;
        group.Tick(50);
        Assert.Equal(term, group[1].Core.Term);
    }

    [Fact]
    public void ReadOrProposal_OnASleepingGroup_WakesAndIsServed()
    {
        TestGroup group = Sleeping();
        Assert.True(group[1].Core.ReadIndex(1, group[1].Now));
        group.Settle();
        Assert.False(group[1].Reads.Single().Refused);
        group = Sleeping();
        LogIndex index = group.Propose(1, 1).Index;
        group.Settle();
        Assert.Equal(index, group[3].Core.Committed);
        group = Sleeping();
        Assert.True(group[2].Core.ReadIndex(2, group[2].Now));
        group.Settle();
        Assert.False(group[2].Reads.Single().Refused);
    }

    /// <summary>The store of a sleeping group's leader falls silent: the others elect at once, no ticks
    /// needed.</summary>
    [Fact]
    public void StoreSilence_SleepingGroup_ElectsAtOnce()
    {
        TestGroup group = Sleeping();
        group.Pass(60_000);
        group[1].Crash();
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
    }

    /// <summary>Falling asleep shortens no promise.</summary>
    [Fact]
    public void StoreSilence_PromiseStillRuns_ElectsWhenItIsOver()
    {
        TestGroup group = Sleeping();
        group[1].Crash();
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.Equal(Role.Follower, group[2].Core.Role);
        group.Tick(12);
        Assert.True(group[2].Core.IsLeader);
    }

    [Fact]
    public void LeaderAsleep_OthersElected_LearnsOfItAndIsAwake()
    {
        TestGroup group = Sleeping();
        group.Isolate(1);
        group.Pass(10_000);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        group.Heal();
        group.Tick(3);
        Assert.Equal(Role.Follower, group[1].Core.Role);
        Assert.False(group[1].Core.IsAsleep);
        Assert.Equal(new PeerId(2), group[1].Core.Leader);
    }

    [Fact]
    public void IdlePeers_TakeLittleMemory()
    {
        const int Count = 3_000;
        ConfState conf = ConfState.OfVoters(All);
        var kept = new RaftPeer[Count];

        // What this thread allocates, not what the process holds: other tests run beside this one. So an upper bound.
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Count; i++)
        {
            var config = new RaftConfig { Id = new PeerId(1), Seed = (ulong)i, StartedAt = Instant.Zero };
            kept[i] = new RaftPeer(config, default, conf, EmptyStorage);
            kept[i].Sleep();
        }

        long bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / Count;
        output.WriteLine($"{bytes} bytes allocated per idle peer");
        Assert.InRange(bytes, 1, 1_500);
        GC.KeepAlive(kept);
    }

    private static readonly MemoryLog EmptyStorage = new();

    private static TestGroup Sleeping()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(4);
        Assert.True(group[1].Core.CanSleep(All));
        foreach (TestPeer peer in group.Peers)
        {
            peer.Core.Sleep();
        }

        return group;
    }
}
