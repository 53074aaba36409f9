using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Paper;

/// <summary>
/// The Raft paper (extended version), §5.3 to §5.5: log replication, what may be elected, what may be committed, and
/// crashed followers.
/// </summary>
public sealed class Section5ReplicationTests
{
    [Fact]
    public void Section5_3_Leader_AppendsAndSendsToEveryoneInParallel()
    {
        var group = new TestGroup(5, Messages.Bare);
        group.Elect(1);
        group.Sent.Clear();
        ProposeResult proposed = group.Propose(1, 7);
        group[1].Drain();
        Assert.Equal([2UL, 3UL, 4UL, 5UL], group.Sent.Select(m => m.To.Value));
        Assert.All(group.Sent, m => Assert.Equal(
            (MessageKind.Append, proposed.Index.Previous(), proposed.Term), (m.Kind, m.LogIndex, m.LogTerm)));
        Assert.All(group.Sent, m => Assert.Equal(proposed.Index, Assert.Single(m.Entries).Index));
    }

    /// <summary>Committed as soon as a majority holds it, and not before; committed is then applied.</summary>
    [Theory]
    [InlineData(1, 0, true)]
    [InlineData(2, 0, false)]
    [InlineData(2, 1, true)]
    [InlineData(3, 0, false)]
    [InlineData(3, 1, true)]
    [InlineData(4, 1, false)]
    [InlineData(4, 2, true)]
    [InlineData(5, 1, false)]
    [InlineData(5, 2, true)]
    public void Section5_3_Entry_IsCommittedOnceAMajorityHoldsIt(int peers, int acceptors, bool committed)
    {
        var group = new TestGroup(peers, Messages.Bare);
        group.Elect(1);
        LogIndex index = group.Propose(1, 7).Index;
        group.Lose = m => m.Kind == MessageKind.AppendResponse && m.From.Value > (ulong)acceptors + 1;
        group.Settle();
        Assert.Equal(committed, group[1].Core.Committed >= index);
        Assert.Equal(committed, TestGroup.ValuesOf(group[1].Applied).Contains(7UL));
    }

    public static TheoryData<ulong[]> OlderLogs => new(
    [
        [], [2], [1, 2], [1], [1, 1, 2, 2],
    ]);

    /// <summary>A committed entry commits all before it, whoever created them.</summary>
    [Theory]
    [MemberData(nameof(OlderLogs))]
    public void Section5_3_CommittedEntry_CommitsEverythingBeforeIt(ulong[] log)
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, log, [], []);
        group.Elect(1);
        group.Tick(3);
        Assert.All(group.Peers, p => Assert.Equal(new LogIndex((ulong)log.Length + 1), p.Core.Applied));
        Assert.All(group.Peers, p => Assert.Equal(Messages.TermsOf(group[1]), p.Applied.Select(e => e.Term.Value)));
    }

    [Fact]
    public void Section5_3_Followers_ApplyInLogOrderOnceTheyKnowOfTheCommit()
    {
        var group = new TestGroup(3, config => Messages.Bare(config) with { CommitAtOnce = false });
        group.Elect(1);
        group.Tick(3);
        for (ulong value = 1; value <= 3; value++)
        {
            group.Propose(1, value);
            group.Settle();
        }

        Assert.Equal([1UL, 2UL, 3UL], TestGroup.ValuesOf(group[1].Applied));
        Assert.Equal([1UL, 2UL], TestGroup.ValuesOf(group[2].Applied));
        group.Tick(2);
        Assert.All(group.Peers, p => Assert.Equal([1UL, 2UL, 3UL], TestGroup.ValuesOf(p.Applied)));
    }

    /// <summary>The consistency check: refused unless the entry before the new ones is there with its term.</summary>
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 1, true)]
    [InlineData(2, 2, true)]
    [InlineData(1, 2, false)]
    [InlineData(2, 1, false)]
    [InlineData(3, 3, false)]
    public void Section5_3_Append_IsAcceptedOnlyBehindAnEntryThatAgrees(ulong previous, ulong previousTerm, bool fits)
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 2], [], []);
        group.Deliver(Messages.Append(2, 1, 3, previous, previousTerm, 0));
        group.Settle();
        Message answer = group.Sent.Single(m => m.Kind == MessageKind.AppendResponse);
        Assert.Equal(!fits, answer.Reject);
        Assert.Equal(new LogIndex(previous), answer.LogIndex);
        Assert.Equal([1UL, 2UL], Messages.TermsOf(group[1]));
    }

    public static TheoryData<ulong, ulong, ulong[], ulong[]> Conflicts => new()
    {
        // Own log is 1 2 2: (after, its term, entries' terms) gives the log.
        { 3, 2, [3], [1, 2, 2, 3] },
        { 2, 2, [3, 4], [1, 2, 3, 4] },
        { 1, 1, [3], [1, 3] },
        { 0, 0, [3], [3] },
        { 0, 0, [1], [1, 2, 2] },
        { 1, 1, [2], [1, 2, 2] },
        { 1, 1, [2, 3], [1, 2, 3] },
        { 3, 2, [], [1, 2, 2] },
    };

    /// <summary>A conflicting entry goes with all behind it; what agrees stays, however little is said.</summary>
    [Theory]
    [MemberData(nameof(Conflicts))]
    public void Section5_3_Conflict_CutsItAndAllBehindItAndNothingElse(
        ulong previous, ulong previousTerm, ulong[] terms, ulong[] log)
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 2, 2], [], []);
        group.Deliver(Messages.Append(2, 1, 5, previous, previousTerm, 0, terms));
        group.Settle();
        Assert.Equal(log, Messages.TermsOf(group[1]));
        Assert.Equal(
            new LogIndex(previous + (ulong)terms.Length),
            group.Sent.Single(m => m.Kind == MessageKind.AppendResponse && !m.Reject).LogIndex);
    }

    /// <summary>The commit rises to the leader's, but never past the last entry that this append shows to
    /// agree.</summary>
    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(1, 1, 2)]
    [InlineData(2, 1, 3)]
    [InlineData(3, 1, 3)]
    public void Section5_3_CommitIndex_IsTheLesserOfTheLeadersAndTheLastNewEntry(
        ulong previous, int count, ulong committed)
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1, 1, 1, 1], [], []);
        ulong[] terms = [.. Enumerable.Repeat(1UL, count)];
        group.Deliver(Messages.Append(2, 1, 2, previous, 1, commit: 3, terms));
        Assert.Equal(new LogIndex(committed), group[1].Core.Committed);
    }

    [Fact]
    public void Section5_3_NewLeader_TriesEveryFollowerBehindItsOwnLastEntry()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1, 2], [1], [1, 1, 2]);
        group.Elect(1);
        foreach (ulong to in new ulong[] { 2, 3 })
        {
            Message first = group.Sent.First(m => m.Kind == MessageKind.Append && m.To.Value == to);
            Assert.Equal((new LogIndex(3), new Term(2)), (first.LogIndex, first.LogTerm));
        }
    }

    /// <summary>§5.3, end: a refusal names index and term, and both sides step over a whole term at once.</summary>
    [Fact]
    public void Section5_3_DivergentTails_CostOneRoundTripPerTerm()
    {
        ulong[] Log(params (ulong Term, int Count)[] runs) =>
            [.. runs.SelectMany(run => Enumerable.Repeat(run.Term, run.Count))];
        TestGroup group = Messages.WithLogs(
            Messages.Bare,
            Log((1, 10), (4, 100), (6, 100), (8, 100)),
            Log((1, 10), (2, 100), (3, 100), (5, 100)),
            Log((1, 10), (4, 100), (6, 100), (8, 100)));
        group.Elect(1);
        group.Tick(2);
        int refusals = group.Sent.Count(m => m.Kind == MessageKind.AppendResponse && m.Reject && m.From.Value == 2);
        Assert.InRange(refusals, 1, 4);
        Assert.Equal(Messages.TermsOf(group[1]), Messages.TermsOf(group[2]));
    }

    /// <summary>Figure 7: whatever the followers' logs lack or hold too much, they become the leader's.</summary>
    [Fact]
    public void Section5_3_Figure7_DivergentLogs_AllBecomeTheLeaders()
    {
        TestGroup group = Messages.WithLogs(
            null,
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6],
            [1, 1, 1, 4],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
            [1, 1, 1, 4, 4, 4, 4],
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]);
        group.Elect(1);
        group.Tick(10);
        Assert.All(group.Peers, p => Assert.Equal(Messages.TermsOf(group[1]), Messages.TermsOf(p)));
        Assert.All(group.Peers, p => Assert.Equal(new LogIndex(11), p.Core.Applied));

        // One probe per differing term, not per entry.
        Assert.All(group.Peers, p => Assert.True(
            group.Sent.Count(m => m.Kind == MessageKind.AppendResponse && m.Reject && m.From == p.Core.Id) <= 3));
    }

    [Fact]
    public void Section5_3_Leader_NeverChangesOrCutsItsOwnLog()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1, 2], [1], [1]);
        group.Elect(1);
        ulong[] before = Messages.TermsOf(group[1]);
        ulong term = group[1].Core.Term.Value;
        group.Deliver(Messages.Append(2, 1, term, 1, 1, 0, 1, 1, 1));
        group.Deliver(Messages.Append(2, 1, term - 1, 1, 1, 0, 1, 1, 1));
        group.Settle();
        Assert.True(group[1].Core.IsLeader);
        Assert.Equal(before, Messages.TermsOf(group[1]));
    }

    [Fact]
    public void Section5_3_LostAppends_AreSentAgainUntilTheyArrive()
    {
        var group = new TestGroup(3, Messages.Bare);
        group.Elect(1);
        group.Lose = m => m.Kind == MessageKind.Append && m.To.Value == 3;
        LogIndex index = group.Propose(1, 7).Index;
        group.Tick(300);
        Assert.True(group[3].Core.LastIndex < index);
        group.Lose = null;
        group.Tick(3);
        Assert.Equal(index, group[3].Core.Applied);
    }

    public static TheoryData<ulong[], ulong, ulong, bool> LogsToCompare => new()
    {
        { [1], 1, 1, true },
        { [1], 1, 2, true },
        { [1, 1], 1, 1, false },
        { [1], 2, 1, true },
        { [1], 2, 2, true },
        { [1, 1], 2, 1, true },
        { [2], 1, 1, false },
        { [2], 1, 2, false },
        { [2, 1 + 1], 2, 1, false },
        { [], 0, 0, true },
    };

    /// <summary>The later last term is the more complete log; with equal ones the longer is.</summary>
    [Theory]
    [MemberData(nameof(LogsToCompare))]
    public void Section5_4_1_Vote_GoesOnlyToALogAtLeastAsComplete(
        ulong[] log, ulong lastTerm, ulong lastIndex, bool granted)
    {
        foreach (MessageKind kind in new[] { MessageKind.Vote, MessageKind.PreVote })
        {
            TestGroup group = Messages.WithLogs(Messages.Bare, log, [], []);
            group.Deliver(Messages.Vote(2, 1, 5, lastIndex, lastTerm) with { Kind = kind });
            group.Settle();
            MessageKind answer = kind == MessageKind.Vote ? MessageKind.VoteResponse : MessageKind.PreVoteResponse;
            Assert.Equal(!granted, group.Sent.Single(m => m.Kind == answer).Reject);
            Assert.Equal(granted && kind == MessageKind.Vote, !group[1].Core.Vote.IsNone);
        }
    }

    /// <summary>§5.4.3: who lacks a committed entry finds no majority, whoever is away.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Section5_4_3_PeerWithoutACommittedEntry_CannotBeElected(ulong away)
    {
        var group = new TestGroup(3, Messages.Bare);
        group.Elect(1);
        group.Isolate(3);
        LogIndex index = group.Propose(1, 7).Index;
        group.Settle();
        Assert.Equal(index, group[1].Core.Committed);
        group.Heal();
        group[away].Crash();
        for (int i = 0; i < 10; i++)
        {
            group[3].Core.Campaign(group[3].Now);
            group.Settle();
            Assert.False(group[3].Core.IsLeader);
        }

        TestPeer leader = group.AwaitLeader();
        Assert.NotEqual(3UL, leader.Core.Id.Value);
        Assert.Contains(7UL, TestGroup.ValuesOf(group[3].Applied));
    }

    /// <summary>A leader counts copies for entries of its own term only.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 3)]
    public void Section5_4_2_EntriesOfEarlierTerms_AreNotCommittedByCounting(ulong acknowledged, ulong committed)
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 2], [1, 2], []);
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        group.Elect(1);
        Assert.Equal(new LogIndex(3), group[1].Core.Persisted);
        group.Deliver(Messages.Answer(MessageKind.AppendResponse, 2, 1, group[1].Core.Term.Value) with
        {
            LogIndex = new LogIndex(acknowledged),
        });
        Assert.Equal(new LogIndex(committed), group[1].Core.Committed);
    }

    /// <summary>Figure 8 (c) and (d): the old entry reached a majority by a later leader, and is overwritten all the
    /// same, because that leader never committed it.</summary>
    [Fact]
    public void Section5_4_2_Figure8_OldEntryOnAMajority_MayStillBeOverwritten()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 2], [1, 2], [1], [1], [1, 3]);
        group.Lose = m => m.To.Value is 4 or 5 && m.Kind != MessageKind.Vote;
        TestPeer leader = group[1];
        leader.Core.Campaign(leader.Now);
        leader.Drain();
        leader.PersistAll();
        group.Lose = m => m.Entries.Any(e => e.Term == leader.Core.Term) || m.To.Value is 4 or 5;
        group.Settle();
        Assert.True(leader.Core.IsLeader);
        group.Deliver(Messages.Append(1, 3, leader.Core.Term.Value, 1, 1, 0, 2));
        group.Settle();
        Assert.Equal(LogIndex.Zero, leader.Core.Committed);
        Assert.Equal(3, group.Peers.Count(p => p.Log.TryGetTerm(new LogIndex(2), out Term t) && t == new Term(2)));
        TestGroup restarted = Messages.WithLogs(
            Messages.Bare, [1, 2, 4], [1, 2], [1, 2], [1], [1, 3]);
        restarted[1].Crash();
        restarted.Elect(5);
        restarted.Tick(3);
        Assert.True(restarted[5].Core.CommittedInOwnTerm);
        Assert.Equal([1UL, 3UL, 5UL], Messages.TermsOf(restarted[2]));
    }

    /// <summary>Figure 8 (e): with an entry of its own term on a majority, the old one is committed with it and stays
    /// for ever.</summary>
    [Fact]
    public void Section5_4_2_Figure8_OwnEntryOnAMajority_CommitsTheOldOneForEver()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 2], [1, 2], [1], [1], [1, 3]);
        group.Lose = m => m.To.Value is 4 or 5 && m.Kind != MessageKind.Vote;
        group.Elect(1);
        group.Tick(3);
        Assert.Equal(new LogIndex(3), group[1].Core.Committed);
        group.Lose = null;
        group[1].Crash();
        group[5].Core.Campaign(group[5].Now);
        group.Settle();
        group[5].Core.Campaign(group[5].Now);
        group.Settle();
        Assert.False(group[5].Core.IsLeader);
        TestPeer heir = group.AwaitLeader();
        Assert.Equal([1UL, 2UL], Messages.TermsOf(heir)[..2]);
        group.Tick(10);
        Assert.Equal([1UL, 2UL], Messages.TermsOf(group[5])[..2]);
    }

    [Fact]
    public void Section5_5_SameAppendAgain_ChangesNothing()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1], [], []);
        Message append = Messages.Append(2, 1, 2, 1, 1, 2, 2, 2);
        for (int i = 0; i < 3; i++)
        {
            group.Deliver(append);
            group.Settle();
            Assert.Equal([1UL, 2UL, 2UL], Messages.TermsOf(group[1]));
            Assert.Equal(new LogIndex(2), group[1].Core.Committed);
            Assert.Equal(2, group[1].Applied.Count);
        }
    }

    [Fact]
    public void Section5_5_CrashedFollower_IsBroughtUpToDateAfterItsRestart()
    {
        var group = new TestGroup(3, Messages.Bare);
        group.Elect(1);
        group.Propose(1, 1);
        group.Settle();
        group[3].Crash();
        group.Propose(1, 2);
        group.Tick(5);
        group[3].Restart();
        group.Tick(5);
        Assert.Equal([1UL, 2UL], TestGroup.ValuesOf(group[3].Applied));
    }
}
