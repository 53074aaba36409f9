using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

/// <summary>What waits for the disk, what need not, and what a crash leaves.</summary>
public sealed class PersistenceTests
{
    [Fact]
    public void Leader_AppendsGoOut_BesideItsOwnWrite()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Sent.Clear();
        group.Propose(1, 1);
        group[1].Drain();
        Assert.Equal(1, group[1].PendingWriteCount);
        Assert.Equal(2, group.Sent.Count(m => m.Kind == MessageKind.Append && m.Entries.Count == 1));
    }

    /// <summary>Row B4: neither a follower's nor the leader's own log counts before it is durable.</summary>
    [Fact]
    public void B4_Commit_CountsOnlyWhatIsDurable()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Isolate(3);
        LogIndex index = group.Propose(1, 1).Index;
        group.Settle(persist: false);
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.AppendResponse && m.LogIndex == index);
        group[2].PersistAll();
        group.Settle(persist: false);
        Assert.Contains(group.Sent, m => m.Kind == MessageKind.AppendResponse && m.LogIndex == index);
        Assert.True(group[1].Core.Committed < index, "the leader counted itself before its own write was durable");
        group[1].PersistAll();
        Assert.Equal(index, group[1].Core.Committed);
    }

    /// <summary>Row B5, Cut law: a lone voter, too, applies only what is durable in its own log.</summary>
    [Fact]
    public void B5_ApplyOfWhatIsCommitted_WaitsForTheOwnLog()
    {
        var lone = new TestGroup(1);
        lone.Elect(1);
        lone.Propose(1, 1);
        lone.Settle(persist: false);
        Assert.Empty(TestGroup.ValuesOf(lone[1].Applied));
        lone[1].PersistAll();
        Assert.Single(TestGroup.ValuesOf(lone[1].Applied));

        var group = new TestGroup(3);
        group.Elect(1);
        LogIndex index = group.Propose(1, 1).Index;
        group[1].Drain();
        for (int i = 0; i < 4; i++)
        {
            group[2].PersistAll();
            group[3].PersistAll();
            group.Settle(persist: false);
        }

        Assert.Equal(index, group[1].Core.Committed);
        Assert.True(group[1].Core.Applied < index);
        group[1].PersistAll();
        Assert.Equal(index, group[1].Core.Applied);
    }

    /// <summary>Row B6: the completion of a write whose entries were replaced meanwhile acknowledges nothing
    /// new.</summary>
    [Fact]
    public void B6_LateCompletionOfReplacedEntries_StabilisesOnlyTheLastVersion()
    {
        var group = new TestGroup(3);
        RaftPeer core = group[3].Core;
        AppendTo(group, from: 1, term: 1, index: 1, entryTerm: 1);
        AppendTo(group, from: 2, term: 2, index: 1, entryTerm: 2);
        AppendTo(group, from: 1, term: 3, index: 1, entryTerm: 1);
        Assert.Equal(3, group[3].PendingWriteCount);
        group[3].PersistOne();
        Assert.Equal(LogIndex.Zero, core.Persisted);
        group[3].PersistOne();
        Assert.Equal(LogIndex.Zero, core.Persisted);
        Assert.DoesNotContain(group.Sent, m => m.Kind == MessageKind.AppendResponse && m.Term == new Term(3));
        group[3].PersistOne();
        Assert.Equal(new LogIndex(1), core.Persisted);
        Assert.True(group[3].Log.TryGetTerm(new LogIndex(1), out Term term) && term == new Term(1));
        Assert.Contains(group.Sent, m => m.Kind == MessageKind.AppendResponse && m.Term == new Term(3) && !m.Reject);
    }

    /// <summary>A repeated append whose entries are being written is not acknowledged ahead of that write.</summary>
    [Fact]
    public void RepeatedAppend_WriteUnderWay_IsHeldUntilItIsDone()
    {
        var group = new TestGroup(3);
        AppendTo(group, from: 1, term: 1, index: 1, entryTerm: 1);
        AppendTo(group, from: 1, term: 1, index: 1, entryTerm: 1);
        Assert.Equal(1, group[3].PendingWriteCount);
        Assert.Empty(group.Sent);
        group[3].PersistOne();
        group[3].Drain();
        Assert.All(group.Sent, m => Assert.Equal(new LogIndex(1), m.LogIndex));
        Assert.NotEmpty(group.Sent);
    }

    [Fact]
    public void Acceptances_OfOneTurn_BecomeOne()
    {
        var group = new TestGroup(3);
        for (ulong i = 1; i <= 10; i++)
        {
            group.Deliver(Append(from: 1, to: 3, term: 1, index: i, entryTerm: 1));
        }

        group[3].Drain();
        group[3].PersistAll();
        Assert.Equal(new LogIndex(10), Assert.Single(group.Sent).LogIndex);
    }

    /// <summary>Row B10: after a restart the commit starts from what was durable, and reads wait for the own
    /// term.</summary>
    [Fact]
    public void B10_LoneVoterRestarted_ReadsOnlyAfterItsOwnTermIsCommitted()
    {
        var group = new TestGroup(1);
        group.Elect(1);
        group.Propose(1, 1);
        group.Settle();
        group[1].MakeAppliedDurable();
        LogIndex applied = group[1].Core.Applied;
        group[1].Crash();
        group[1].Restart();
        Assert.Equal(applied, group[1].Core.Committed);
        Assert.False(group[1].Core.ReadIndex(1, group[1].Now));
        group[1].Core.Campaign(group[1].Now);
        group.Settle();
        Assert.True(group[1].Core.ReadIndex(2, group[1].Now));
        group.Settle();
        Assert.True(group[1].Reads.Single().Index > applied);
    }

    [Fact]
    public void CommittedEntries_ManyAndLarge_ComeInBoundedPagesThatWaitForApply()
    {
        var group = new TestGroup(1, config => config with { CommittedBytesPerReadyMax = 100 });
        group.Elect(1);
        for (int i = 0; i < 50; i++)
        {
            group.Propose(1, new byte[30]);
        }

        group[1].HoldApply = true;
        group[1].Drain();
        group[1].PersistAll();
        Assert.InRange(group[1].ToApply.Sum(e => e.Data.Length), 90, 200);
        Assert.True(group[1].Core.HoldsBackCommitted);
        group[1].HoldApply = false;
        for (int i = 0; i < 50; i++)
        {
            group[1].ApplyAll();
            group[1].Drain();
        }

        Assert.Equal(group[1].Core.LastIndex, group[1].Core.Applied);
        Assert.False(group[1].Core.HoldsBackCommitted);
    }

    /// <summary>Membership safety after a crash rests on this: entries take the commit index of their moment
    /// along.</summary>
    [Fact]
    public void Ready_WithEntries_CarriesTheCommitIndexKnownThen()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Propose(1, 1);
        group.Settle();
        group.Propose(1, 2);
        group.Settle();
        Assert.True(group[2].Log.HardState.Commit >= new LogIndex(2));
    }

    private static void AppendTo(TestGroup group, ulong from, ulong term, ulong index, ulong entryTerm)
    {
        group.Deliver(Append(from, 3, term, index, entryTerm));
        group[3].Drain();
    }

    private static Message Append(ulong from, ulong to, ulong term, ulong index, ulong entryTerm) => new()
    {
        Kind = MessageKind.Append,
        From = new PeerId(from),
        To = new PeerId(to),
        Term = new Term(term),
        LogIndex = new LogIndex(index - 1),
        LogTerm = index == 1 ? Term.Zero : new Term(entryTerm),
        Entries = [new Entry(new LogIndex(index), new Term(entryTerm), EntryKind.Normal, new byte[8], 0)],
    };
}
