using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Rows;

/// <summary>Checklist rows B (log and commit), C11 and E2 as scripts and small random runs.</summary>
public sealed class LogRowTests
{
    /// <summary>Power goes everywhere in the moment a leader calls something committed: it is there afterwards. What a
    /// read showed (row C11) is there, too.</summary>
    [Fact]
    public void B4_PowerLossOfAllRightAfterTheCommit_KeepsWhatWasCommitted() => ForEachSeed(random =>
    {
        TestGroup group = Loaded(random, out LogIndex committed, out LogIndex read);
        LogIndex shown = LogIndex.Greater(committed, read);
        Assert.True(shown > new LogIndex(1));
        ulong[] before = [.. TestGroup.ValuesOf(group[1].Log.Entries.Where(e => e.Index <= shown))];
        RestartAll(group);
        TestPeer leader = group.AwaitLeader();
        ulong[] after = [.. TestGroup.ValuesOf(leader.Log.Entries.Where(e => e.Index <= shown))];
        Assert.True(leader.Core.LastIndex >= shown && after.Length >= before.Length);
        Assert.Equal(before, after[..before.Length]);
    });

    /// <summary>Nobody is shown what a majority might still lose.</summary>
    [Fact]
    public void C11_ReadIndexAnswered_IsDurableOnAMajority() => ForEachSeed(random =>
    {
        TestGroup group = Loaded(random, out _, out LogIndex read);
        Assert.True(group.Peers.Count(p => p.Log.LastIndex >= read) >= 2, $"{read} was shown");
    });

    /// <summary>The state machine fails for a while: nothing is skipped, nothing twice, and the log goes on.</summary>
    [Fact]
    public void B9_ApplyStandsStillForAWhile_GoesOnWhereItStood()
    {
        var group = new TestGroup(3, config => config with { CommittedBytesPerReadyMax = 40 });
        group.Elect(1);
        group[2].HoldApply = true;
        for (ulong value = 1; value <= 50; value++)
        {
            Assert.True(group.Propose(1, value).IsAccepted);
            group.Tick(1);
        }

        Assert.Equal(group[1].Core.Committed, group[2].Core.Committed);
        Assert.InRange(group[2].ToApply.Sum(e => e.Data.Length), 1, 80);
        Assert.True(group[2].Core.HoldsBackCommitted);
        group[2].HoldApply = false;
        group[2].ApplyAll();
        group.Settle();
        Assert.Equal(Enumerable.Range(1, 50).Select(i => (ulong)i), TestGroup.ValuesOf(group[2].Applied));
    }

    /// <summary>A leader without a quorum, that may not even step down, takes only so much in an hour.</summary>
    [Fact]
    public void B11_AnHourOfWritesWithoutAQuorum_LogStaysBounded()
    {
        var group = new TestGroup(3, config => Messages.Bare(config) with { UncommittedBytesMax = 8_000 });
        group.Elect(1);
        group.Isolate(1);
        int refused = 0;
        for (int tick = 0; tick < 36_000; tick++)
        {
            refused += group.Propose(1, (ulong)tick).IsAccepted ? 0 : 1;
            group.TrueNs += TestGroup.TickMs * 1_000_000L;
            group[1].Core.Tick(group[1].Now);
            group[1].Drain();
            group[1].PersistAll();
            group.Wire.Clear();
            group.Sent.Clear();
        }

        Assert.Equal(1_000UL, group[1].Core.LastIndex - group[1].Core.Committed);
        Assert.Equal(35_000, refused);
    }

    [Fact]
    public void B12_EntryAboveTheLimit_IsRefusedBeforeItEntersTheLog()
    {
        var group = new TestGroup(3, config => config with
        {
            EntryBytesMax = 1_000,
            AppendBytesMax = 100,
            InflightBytesMax = 100,
            UncommittedBytesMax = 500,
            CommittedBytesPerReadyMax = 100,
        });
        group.Elect(1);
        LogIndex last = group[1].Core.LastIndex;
        Assert.Equal(ProposeOutcome.EntryTooLarge, group.Propose(1, new byte[1_001]).Outcome);
        Assert.Equal(last, group[1].Core.LastIndex);

        // The largest that is taken passes every smaller limit: message, window, page, and what may wait.
        LogIndex large = group.Propose(1, new byte[1_000]).Index;
        group.Tick(3);
        Assert.All(group.Peers, p => Assert.Equal(large, p.Core.Applied));
    }

    /// <summary>A crash between data and anything else: applied index and data are one, so what follows is handed out
    /// again, each entry once and none left out.</summary>
    [Fact]
    public void E2_CrashAtAnyMoment_EveryEntryIsAppliedOnceAndInOrder() => ForEachSeed(random =>
    {
        var group = new TestGroup(3, config => config with { CommittedBytesPerReadyMax = random.Next(1, 60) });
        group.Elect(1);
        ulong value = 0;
        for (int round = 0; round < 30; round++)
        {
            TestPeer leader = group.AwaitLeader();
            group.Propose(leader.Core.Id.Value, ++value);
            TestPeer victim = group[(ulong)random.Next(1, 4)];
            victim.HoldApply = random.Chance(0.5);
            group.Settle(persist: random.Chance(0.7));
            for (int i = random.Next(3); i > 0; i--)
            {
                victim.ApplyOne();
            }

            if (random.Chance(0.3))
            {
                victim.MakeAppliedDurable();
            }

            victim.Crash();
            victim.HoldApply = false;
            victim.Restart();
            group.Settle();
        }

        group.AwaitLeader();
        group.Tick(20);
        Assert.All(group.Peers, p => Assert.Equal(
            Enumerable.Range(1, p.Applied.Count).Select(i => (ulong)i), p.Applied.Select(e => e.Index.Value)));
        Assert.All(group.Peers, p => Assert.Equal(
            group.TheLeader!.Applied.Select(e => e.Term), p.Applied.Select(e => e.Term)));
    });

    /// <summary>Writes with some persisted here and there, until one is committed and one read is answered.</summary>
    private static TestGroup Loaded(DeterministicRandom random, out LogIndex committed, out LogIndex read)
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(2);
        ulong value = 0;
        for (int step = 0; step < 60 || group[1].Reads.Count == 0; step++)
        {
            if (random.Chance(0.5))
            {
                group.Propose(1, ++value);
            }

            TestPeer peer = group[(ulong)random.Next(1, 4)];
            peer.Drain();
            if (random.Chance(0.6))
            {
                peer.PersistOne();
                peer.Drain();
            }

            for (int i = random.Next(4); i > 0 && group.Wire.Count > 0; i--)
            {
                Message message = group.Wire[0];
                group.Wire.RemoveAt(0);
                group.Deliver(message);
            }

            if (step % 10 == 0)
            {
                group[1].Core.ReadIndex((ulong)step + 1, group[1].Now);
            }
        }

        committed = group[1].Core.Committed;
        read = group[1].Reads.Where(r => !r.Refused).Select(r => r.Index).DefaultIfEmpty().Max();
        return group;
    }

    private static void RestartAll(TestGroup group)
    {
        foreach (TestPeer peer in group.Peers)
        {
            peer.Crash();
        }

        group.Wire.Clear();
        foreach (TestPeer peer in group.Peers)
        {
            peer.Restart();
        }
    }

    private static void ForEachSeed(Action<DeterministicRandom> run)
    {
        for (ulong seed = 1; seed <= 100; seed++)
        {
            try
            {
                run(new DeterministicRandom(seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }
}
