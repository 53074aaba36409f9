using Kv.Base;
using Kv.Engine;
using Kv.Engine.Files;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Store.Wire;

namespace Kv.Store.Tests.Loops;

/// <summary>
/// Checklist rows that only a store can break: what leaves before the log holds it, what a crash leaves of it, what
/// apply does. The loops are the shipped ones; see <see cref="StoreGroup"/>.
/// </summary>
public sealed class StoreRowTests
{
    private static readonly RegionId Region = new(2);

    [Fact]
    public void A1_PowerGoesBetweenVoteAndSync_ToldNobodyAndVotesAnew()
    {
        using StoreGroup group = Quiet();
        group[1].Held.Add("log");
        Ask(group, from: 2, term: 9);
        group.Settle();
        Assert.DoesNotContain(group.Sent, m => m.FromPeer == Peer(1) && m.Kind == (uint)MessageKind.VoteResponse);

        group[1].Crash(new DeterministicRandom(1));
        group[1].Start();
        group.Settle();
        group.Pass(1_000);
        Ask(group, from: 3, term: 9);
        group.Settle();
        RaftMessage granted = group.Sent.Single(m =>
            m.FromPeer == Peer(1) && m.Kind == (uint)MessageKind.VoteResponse && !m.Reject && m.Term == 9);
        Assert.Equal(Peer(3), granted.ToPeer);

        // And what was told is there after the next crash.
        group[1].Crash(new DeterministicRandom(1));
        group[1].Start();
        Assert.Equal(Peer(3), group[1].Log!.Find(Region.Value)!.Value.HardState.Vote);
    }

    [Fact]
    public void A2_WriteOfTheVoteFails_NoGrantEverLeavesTheStore()
    {
        using StoreGroup group = Quiet();
        group[1].Files.Faults.Arm(new SiteFault(SyncSites.LogSegmentSync, "EIO", After: 0, Times: 1));
        Ask(group, from: 2, term: 9);
        group.Settle();
        Assert.IsType<StorageException>(group[1].Failure);
        for (int i = 0; i < 5; i++)
        {
            Ask(group, from: 2, term: 9);
            group.Pass(300);
        }

        Assert.DoesNotContain(
            group.Sent,
            m => m.FromPeer == Peer(1) && m.Kind == (uint)MessageKind.VoteResponse && !m.Reject && m.Term == 9);
    }

    [Fact]
    public void A3_CandidatesTermIsNotYetSynced_NobodyIsAsked()
    {
        using var group = new StoreGroup(3);
        ulong leader = group.AwaitLeader();
        ulong heir = leader == 1 ? 2UL : 1UL;
        group.Settle();
        group[heir].Held.Add("log");
        Deliver(group, leader, heir, new Message
        {
            Kind = MessageKind.TimeoutNow,
            From = StoreGroup.PeerOf(2, leader),
            To = StoreGroup.PeerOf(2, heir),
            Term = new Term(group[leader].Show().Status.Term),
        });
        group.Settle();
        Assert.True(group[heir].Show().Status.Term > group[leader].Show().Status.Term, "it campaigns");
        Assert.DoesNotContain(group.Sent, m => m.FromPeer == Peer(heir) && m.Kind == (uint)MessageKind.Vote);
        group[heir].Held.Clear();
        group.Settle();
        Assert.Contains(group.Sent, m => m.FromPeer == Peer(heir) && m.Kind == (uint)MessageKind.Vote);
        Assert.True(group[heir].IsLeader);
    }

    [Fact]
    public void B4_PowerGoesEverywhereRightAfterTheAnswer_WriteIsThere()
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            using var group = new StoreGroup(3);
            ulong leader = group.AwaitLeader();
            StoreGroup.Answer put = group.Put(leader, "k", "v");
            for (int i = 0; put.IsOpen; i++)
            {
                Assert.True(i < 1_000);
                group.Pass(10);
            }

            Assert.Null(put.Error);
            RestartAll(group, seed);
            leader = group.AwaitLeader();
            Assert.Equal("v", Read(group, leader, "k"));
        }
    }

    /// <summary>Rows B5 and C11: a store that is alone, too, applies, answers and shows only what its log has
    /// synced.</summary>
    [Fact]
    public void B5_C11_LoneStoreWhoseLogIsNotSynced_AppliesAnswersAndShowsNothing()
    {
        using var group = new StoreGroup(1);
        group.AwaitLeader();
        group[1].Held.Add("log");
        StoreGroup.Answer put = group.Put(1, "k", "v");
        group.Settle();
        Assert.True(put.IsOpen);
        Assert.Null(group[1].Engine.Get(ColumnFamily.Data, KeySpace.ToInternal("k"u8)));
        StoreGroup.Answer get = group.Get(1, "k");
        Assert.True(!get.IsOpen && get.Error is null && get.Value is null);

        group[1].Crash(new DeterministicRandom(1));
        group[1].Start();
        group.Settle();
        group.AwaitLeader();
        Assert.Null(Read(group, 1, "k"));
    }

    /// <summary>What the others hold is committed, and still not applied here before the own log holds it.</summary>
    [Fact]
    public void B5_CommittedByTheOthers_LeaderAppliesOnlyWhatItsOwnLogHolds()
    {
        using var group = new StoreGroup(3);
        ulong leader = group.AwaitLeader();
        group[leader].Held.Add("log");
        ulong last = group[leader].Show().LogLast;
        StoreGroup.Answer put = group.Put(leader, "k", "v");
        group.Pass(100);
        Assert.Equal(last + 1, group[leader].Show().Status.Committed);
        Assert.True(put.IsOpen);
        Assert.Null(group[leader].Engine.Get(ColumnFamily.Data, KeySpace.ToInternal("k"u8)));
        group[leader].Held.Clear();
        group.Settle();
        Assert.True(put.Revision > 0);
    }

    [Fact]
    public void B7_LeaderCutOffWithWritesUnderWay_GivesThemUpAndFollows()
    {
        using var group = new StoreGroup(3);
        ulong old = group.AwaitLeader();
        group.Isolate(old);
        StoreGroup.Answer[] lost = [.. Enumerable.Range(0, 20).Select(i => group.Put(old, $"lost{i}", "x"))];
        group.Pass(2_500);
        Assert.All(lost, answer => Assert.True(answer.Error is { NotLeader: not null, MaybeApplied: true }));
        ulong leader = Enumerable.Range(1, 3).Select(i => (ulong)i).First(i => i != old && group[i].IsLeader);
        StoreGroup.Answer put = group.Put(leader, "k", "v");
        group.Pass(50);
        Assert.Null(put.Error);
        group.Heal();
        group.Pass(3_000);
        Assert.All([1UL, 2UL, 3UL], id => Assert.Null(group[id].Failure));
        Assert.All([1UL, 2UL, 3UL], id => Assert.NotNull(
            group[id].Engine.Get(ColumnFamily.Data, KeySpace.ToInternal("k"u8))));
        Assert.All([1UL, 2UL, 3UL], id => Assert.Null(
            group[id].Engine.Get(ColumnFamily.Data, KeySpace.ToInternal("lost0"u8))));
    }

    /// <summary>Rows B9 and C10: an entry that cannot be applied stops its region on this store, by name; reads that
    /// wait there are refused, never answered from what was; other regions go on.</summary>
    [Fact]
    public void B9_C10_EntryThatCannotBeApplied_StopsOneRegionByNameAndNothingElse()
    {
        using var group = new StoreGroup(3, regions: 2);
        ulong leader = group.AwaitLeader();
        ulong follower = leader == 1 ? 2UL : 1UL;
        group.Settle();
        RegionShowResponse shown = group[follower].Show();

        // The follower's apply loop waits, a read waits for it, and then comes an entry of a kind of tomorrow.
        group[follower].Held.Add("apply");
        StoreGroup.Answer put = group.Put(leader, "a", "1");
        group.Pass(300);
        Assert.Null(put.Error);
        StoreGroup.Answer read = group.Get(follower, "a", ReadMode.ReadIndex);
        group.Settle();
        Assert.True(read.IsOpen);
        byte[] alien = [0xEE, 1, 2, 3];
        ulong last = group[follower].Show().LogLast;
        Deliver(group, leader, follower, new Message
        {
            Kind = MessageKind.Append,
            From = StoreGroup.PeerOf(2, leader),
            To = StoreGroup.PeerOf(2, follower),
            Term = new Term(shown.Status.Term),
            LogIndex = new LogIndex(last),
            LogTerm = new Term(shown.Status.Term),
            Commit = new LogIndex(last + 1),
            Entries =
            [
                new Entry(
                    new LogIndex(last + 1), new Term(shown.Status.Term), EntryKind.Normal, alien,
                    Crc32C.Compute(alien)),
            ],
        });
        group.Isolate(follower);
        group.Settle();
        group[follower].Held.Clear();
        group.Settle();
        StoreStatus? status = null;
        group[follower].Store!.Describe(s => status = s);
        group.Settle();
        Assert.Equal(Region.Value, Assert.Single(status!.Stopped).Item1);
        Assert.True(read.Error is { NotReady: not null } || read.Value == "1", $"{read.Response}");
        Assert.NotNull(group.Get(follower, "a", ReadMode.ReadIndex).Error);

        group.Heal();
        StoreGroup.Answer other = group.Put(AwaitLeaderOf(group, 3), "c", "1");
        group.Pass(300);
        Assert.True(other.Revision > 0);
        Assert.NotNull(group[follower].Engine.Get(ColumnFamily.Data, KeySpace.ToInternal("c"u8)));
        Assert.Null(group[follower].Failure);
    }

    [Fact]
    public void B10_LoneStoreRestartsAndIsAskedAtOnce_AnswersWhatWasWrittenLast()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            using var group = new StoreGroup(1);
            group.AwaitLeader();
            for (int i = 1; i <= 10; i++)
            {
                group.Put(1, "k", $"{i}");
                group.Settle();
            }

            group[1].Crash(new DeterministicRandom(seed));
            group[1].Start();
            StoreGroup.Answer first = group.Get(1, "k");
            StoreGroup.Answer second = group.Get(1, "k", ReadMode.ReadIndex);
            for (int i = 0; first.IsOpen || second.IsOpen; i++)
            {
                Assert.True(i < 1_000);
                group.Pass(10);
            }

            Assert.True(first.Error is not null || first.Value == "10", $"seed {seed}: {first.Response}");
            Assert.Equal("10", second.Value);
            Assert.Equal("10", Read(group, 1, "k"));
        }
    }

    [Fact]
    public void B11_NoQuorum_WritesAreRefusedByNameBeyondTheBound()
    {
        using var group = new StoreGroup(
            3, configure: options => options with { ProposalBytesPerRegionMax = 10_000, ElectionTicks = 100_000 });
        ulong leader = group.AwaitLeader();
        group.Isolate(leader);
        string value = new('x', 1_000);
        StoreGroup.Answer[] answers = [.. Enumerable.Range(0, 50).Select(_ => group.Put(leader, "k", value))];
        group.Settle();
        Assert.InRange(answers.Count(answer => answer.IsOpen), 5, 10);
        Assert.All(answers.Where(a => !a.IsOpen), answer => Assert.NotNull(answer.Error?.ServerIsBusy));
    }

    [Fact]
    public void B12_ValueAboveTheLimit_IsRefusedBeforeTheLog()
    {
        using var group = new StoreGroup(1);
        group.AwaitLeader();
        ulong last = group[1].Show().LogLast;
        StoreGroup.Answer put = group.Put(1, "k", new string('x', (int)Limits.Default.ValueBytesMax + 1));
        Assert.NotNull(put.Error?.InvalidRequest);
        group.Settle();
        Assert.Equal(last, group[1].Show().LogLast);
        StoreGroup.Answer largest = group.Put(1, "k", new string('x', (int)Limits.Default.ValueBytesMax));
        group.Settle();
        Assert.True(largest.Revision > 0);
    }

    /// <summary>The answers that complete a read's round and the news of a new leader reach the loop in one
    /// turn.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void C4_RoundAnsweredAndDeposedInOneTurn_ReadIsOfTheTimeBeforeOrRefused(bool answersFirst)
    {
        using var group = new StoreGroup(3);
        ulong leader = group.AwaitLeader();
        group.Put(leader, "k", "old");
        group.Pass(300);
        ulong other = leader == 1 ? 2UL : 1UL;
        ulong term = group[leader].Show().Status.Term;
        ulong last = group[leader].Show().LogLast;
        StoreGroup.Answer read = group.Get(leader, "k", ReadMode.ReadIndex);
        TurnOnly(group, leader);
        Exchange(group, leader);
        (ulong From, ulong To, StoreEnvelope Envelope)[] answers = [.. group.Wire.Where(m => m.To == leader)];
        Assert.NotEmpty(answers);
        group.Wire.Clear();
        var deposed = new StoreEnvelope();
        deposed.Messages.Add(RaftWire.ToWire(Region, new Message
        {
            Kind = MessageKind.Append,
            From = StoreGroup.PeerOf(2, other),
            To = StoreGroup.PeerOf(2, leader),
            Term = new Term(term + 1),
            LogIndex = new LogIndex(last),
            LogTerm = new Term(term),
            Commit = new LogIndex(last),
        }));
        (ulong From, ulong To, StoreEnvelope Envelope) news = (other, leader, deposed);
        foreach ((ulong from, ulong to, StoreEnvelope envelope) in answersFirst
            ? answers.Append(news)
            : answers.Prepend(news))
        {
            group.Deliver(from, to, envelope);
        }

        TurnOnly(group, leader);
        if (answersFirst)
        {
            Assert.Equal("old", read.Value);
        }
        else
        {
            // Asked again under a fresh id; the one that was answered does not count.
            Assert.True(read.IsOpen);
            group.Pass(5_000);
            Assert.False(read.IsOpen);
        }
    }

    /// <summary>Applied index and data are one batch: after a power cut that takes a part of it, what is missing is
    /// applied again, and nothing twice.</summary>
    [Fact]
    public void E2_PowerTakesAPartOfWhatWasApplied_EveryWriteTakesEffectOnce()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            using var group = new StoreGroup(1);
            var random = new DeterministicRandom(seed);
            group.AwaitLeader();
            ulong written = 0;
            for (int life = 0; life < 4; life++)
            {
                for (int i = random.Next(1, 15); i > 0; i--)
                {
                    StoreGroup.Answer put = group.Put(1, "k", $"{++written}");
                    group.Settle();
                    Assert.Equal(written, put.Revision);
                }

                if (random.Chance(0.3))
                {
                    group.Pass(1_200);
                }

                group[1].Crash(random);
                group[1].Start();
                group.AwaitLeader();
                Assert.Equal($"{written}", Read(group, 1, "k"));
            }
        }
    }

    /// <summary>
    /// A follower's read waits for apply and for nothing else: no tick passes between the apply loop's turn and the
    /// answer.
    /// </summary>
    [Fact]
    public void ReadIndexOnAFollower_ApplyCatchesUp_IsAnsweredWithoutATick()
    {
        using var group = new StoreGroup(3);
        ulong leader = group.AwaitLeader();
        ulong follower = leader == 1 ? 2UL : 1UL;
        group.Put(leader, "warm", "1");
        group.Pass(300);

        // No time passes from here on: the round's own heartbeats tell the follower of the commit, and nothing else is
        // under way that could wake its raft loop.
        group[follower].Held.Add("apply");
        group.Put(leader, "k", "v");
        group.Settle();
        StoreGroup.Answer read = group.Get(follower, "k", ReadMode.ReadIndex);
        group.Settle();
        RegionShowResponse shown = group[follower].Show();
        Assert.True(read.IsOpen && shown.Status.Applied < shown.Status.Committed);
        group.Settle();
        group[follower].Held.Clear();
        group.Settle();
        Assert.False(read.IsOpen, "applied, and nobody woke the raft loop to hear of it");
        Assert.Equal("v", read.Value);
    }

    private static ulong Peer(ulong store) => StoreGroup.PeerOf(2, store).Value;

    /// <summary>Three stores none of which hears another, past the promises of their start.</summary>
    private static StoreGroup Quiet()
    {
        var group = new StoreGroup(3);
        group.AwaitLeader();
        for (ulong id = 1; id <= 3; id++)
        {
            group.Isolate(id);
        }

        group.Pass(4_000);
        group.Heal();
        group.Isolate(1);
        group.Sent.Clear();
        return group;
    }

    /// <summary>A transfer's vote request, which skips promise and pre-vote, past the cut links.</summary>
    private static void Ask(StoreGroup group, ulong from, ulong term)
    {
        group.Heal();
        Deliver(group, from, 1, new Message
        {
            Kind = MessageKind.Vote,
            From = StoreGroup.PeerOf(2, from),
            To = StoreGroup.PeerOf(2, 1),
            Term = new Term(term),
            LogIndex = new LogIndex(1_000),
            LogTerm = new Term(term - 1),
            Transfer = true,
        });
        group.Isolate(1);
    }

    private static void Deliver(StoreGroup group, ulong from, ulong to, Message message)
    {
        var envelope = new StoreEnvelope();
        envelope.Messages.Add(RaftWire.ToWire(Region, message));
        group.Deliver(from, to, envelope);
    }

    private static void TurnOnly(StoreGroup group, ulong store)
    {
        while (group[store].TurnWoken(group.Now))
        {
            // Until this store has nothing left to do.
        }
    }

    /// <summary>What the leader sent reaches the others, and they answer.</summary>
    private static void Exchange(StoreGroup group, ulong leader)
    {
        foreach ((ulong from, ulong to, StoreEnvelope envelope) in group.Wire.ToArray())
        {
            group.Deliver(from, to, envelope);
        }

        group.Wire.Clear();
        foreach (ulong id in new ulong[] { 1, 2, 3 }.Where(id => id != leader))
        {
            TurnOnly(group, id);
        }
    }

    private static ulong AwaitLeaderOf(StoreGroup group, ulong region)
    {
        for (int i = 0; i < 100; i++)
        {
            foreach (ulong id in new ulong[] { 1, 2, 3 })
            {
                if (group[id].Show(region) is { LeaseMsLeft: > 0 })
                {
                    return id;
                }
            }

            group.Pass(100);
        }

        throw new InvalidOperationException($"region {region} has no leader");
    }

    private static string? Read(StoreGroup group, ulong store, string key)
    {
        StoreGroup.Answer answer = group.Get(store, key, ReadMode.ReadIndex);
        for (int i = 0; answer.IsOpen; i++)
        {
            Assert.True(i < 1_000, $"no answer for {key}");
            group.Pass(10);
        }

        Assert.Null(answer.Error);
        return answer.Value;
    }

    private static void RestartAll(StoreGroup group, ulong seed)
    {
        var random = new DeterministicRandom(seed);
        foreach (ulong id in new ulong[] { 1, 2, 3 })
        {
            group[id].Crash(random);
        }

        group.Wire.Clear();
        foreach (ulong id in new ulong[] { 1, 2, 3 })
        {
            group[id].Start();
        }
    }
}
