using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Paper;

/// <summary>
/// The Raft paper (extended version), §6 to §8: changes of membership, log compaction, and what clients see.
/// </summary>
public sealed class Section6To8Tests
{
    /// <summary>Overlapping halves, halves that have nobody in common, and the same twice.</summary>
    [Theory]
    [InlineData("1,2,3", "1,4,5", "2,3", false)]
    [InlineData("1,2,3", "1,4,5", "4,5", false)]
    [InlineData("1,2,3", "1,4,5", "2,4", true)]
    [InlineData("1,2", "3,4,5", "2", false)]
    [InlineData("1,2", "3,4,5", "3,4", false)]
    [InlineData("1,2", "3,4,5", "2,3,4", true)]
    [InlineData("1,2,3", "1,2,3", "2", true)]
    public void Section6_Joint_ElectionsAndCommitsNeedBothMajorities(
        string incoming, string outgoing, string helpers, bool enough)
    {
        TestGroup elections = Joint(incoming, outgoing);
        ulong[] helping = Ids(helpers);
        elections.Lose = m => m.Kind == MessageKind.VoteResponse && !helping.Contains(m.From.Value);
        elections[1].Core.Campaign(elections[1].Now);
        elections.Settle();
        Assert.Equal(enough, elections[1].Core.IsLeader);

        TestGroup commits = Joint(incoming, outgoing);
        commits.Elect(1);
        LogIndex index = commits.Propose(1, 7).Index;
        commits.Lose = m => m.Kind == MessageKind.AppendResponse && !helping.Contains(m.From.Value);
        commits.Settle();
        Assert.Equal(enough, commits[1].Core.Committed >= index);
    }

    /// <summary>The two halves cut off from each other: neither old nor new membership decides alone.</summary>
    [Fact]
    public void Section6_Joint_HalvesApart_NobodyLeads()
    {
        TestGroup group = Joint("1,2,3", "4,5,6");
        foreach (ulong a in new ulong[] { 1, 2, 3 })
        {
            foreach (ulong b in new ulong[] { 4, 5, 6 })
            {
                group.CutBoth(a, b);
            }
        }

        group.Tick(300);
        Assert.DoesNotContain(group.Peers, p => p.Core.IsLeader);
        group.Heal();
        group.AwaitLeader();
    }

    [Fact]
    public void Section6_NewServers_FirstJoinWithoutAVote()
    {
        var conf = new ConfState([new PeerId(1), new PeerId(2)], [new PeerId(3), new PeerId(4)], [], [], false);
        var group = new TestGroup(conf, Messages.Bare);
        group.Elect(1);
        LogIndex index = group.Propose(1, 7).Index;
        group.Lose = m => m.Kind == MessageKind.AppendResponse && m.From.Value == 2;
        group.Settle();
        Assert.Equal(index, group[3].Core.LastIndex);
        Assert.True(group[1].Core.Committed < index, "learners were counted");
        group[1].Crash();
        group.Lose = m => m.Kind == MessageKind.VoteResponse && m.From.Value == 1;
        group.Tick(100);
        Assert.All(new ulong[] { 3, 4 }, id => Assert.Equal(Role.Follower, group[id].Core.Role));
        Assert.False(group[2].Core.IsLeader);
    }

    /// <summary>Once the joint membership is in force, the leader itself goes on to the new one.</summary>
    [Fact]
    public void Section6_JointMembershipInForce_LeaderProposesTheNewOneItself()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Settle();
        Assert.True(group[1].Core.ProposeConfChange(
            ConfChange.Of(new ConfChangeStep(ConfChangeKind.RemovePeer, new PeerId(3))), group[1].Now).IsAccepted);
        group.Tick(3);
        Assert.All(new ulong[] { 1, 2 }, id => Assert.Equal(
            "1,2////False", SafetyChecker.Describe(group[id].Core.Conf)));
        Assert.Equal(2, group[1].Log.Entries.Count(e => e.Kind == EntryKind.ConfChange));
    }

    /// <summary>Figure 13, step 6: where the log agrees at the snapshot's end, what follows it is kept.</summary>
    [Fact]
    public void Section7_SnapshotOfAPrefixOfTheLog_KeepsWhatFollows()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1, 2, 2], [], []);
        group.Deliver(SnapshotTo(group, index: 3, term: 2));
        group.Settle();
        Assert.Equal([1UL, 1UL, 2UL, 2UL], Messages.TermsOf(group[1]));
        Assert.Equal(new LogIndex(3), group[1].Core.Applied);
        Assert.Equal(new LogIndex(3), group.Sent.Single(m => m.Kind == MessageKind.AppendResponse).LogIndex);
    }

    /// <summary>Figure 13, step 7: otherwise the whole log goes.</summary>
    [Theory]
    [InlineData(3, 3)]
    [InlineData(9, 2)]
    public void Section7_SnapshotThatTheLogDoesNotHold_ReplacesAllOfIt(ulong index, ulong term)
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1, 2, 2], [], []);
        group.Deliver(SnapshotTo(group, index, term));
        group.Settle();
        Assert.Empty(group[1].Log.Entries);
        Assert.Equal(new LogIndex(index), group[1].Core.LastIndex);
        Assert.Equal(new LogIndex(index), group[1].Core.Applied);
        Assert.True(group[1].Core.TryTermAt(new LogIndex(index), out Term kept) && kept == new Term(term));
    }

    [Fact]
    public void Section7_FollowerBehindTheCutLog_GetsASnapshotAndThenEntries()
    {
        var group = new TestGroup(3, Messages.Bare);
        group.Elect(1);
        group.Isolate(3);
        for (ulong value = 1; value <= 5; value++)
        {
            group.Propose(1, value);
            group.Settle();
        }

        LogIndex applied = group[1].Core.Applied;
        group[1].MakeAppliedDurable();
        group[1].Log.SnapshotToSend = new SnapshotMeta(applied, group[1].Core.Term, group[1].Core.Conf);
        group[1].Log.CutTo(applied);
        group.Propose(1, 6);
        group.Settle();
        group.Heal();
        group.Tick(5);
        Assert.Equal(applied, group.Sent.Single(m => m.Kind == MessageKind.Snapshot).Snapshot!.Index);
        Assert.Equal([1UL, 2UL, 3UL, 4UL, 5UL, 6UL], TestGroup.ValuesOf(group[3].Applied));
    }

    [Fact]
    public void Section8_NewLeader_FirstOfAllAppendsAnEmptyEntry()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1], [1], []);
        group.Elect(2 - 1);
        Entry first = group[1].Log.Entries[2];
        Assert.Equal((EntryKind.Empty, group[1].Core.Term), (first.Kind, first.Term));
        Assert.Equal(0, first.Data.Length);
        group.Tick(3);
        Assert.All(group.Peers, p => Assert.Equal(new LogIndex(3), p.Core.Applied));
    }

    [Fact]
    public void Section8_Read_WaitsUntilALeaderHasCommittedInItsTerm()
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1], [1, 1], []);
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        group.Elect(1);
        Assert.False(group[1].Core.ReadIndex(1, group[1].Now));
        group.Lose = null;
        group.Tick(3);
        Assert.True(group[1].Core.ReadIndex(2, group[1].Now));
        group.Settle();
        Assert.Equal(new ReadState(2, new LogIndex(3), Refused: false), Assert.Single(group[1].Reads));
    }

    [Fact]
    public void Section8_Read_IsAnsweredOnlyAfterHeartbeatsWithAMajority()
    {
        var group = new TestGroup(5, Messages.Bare);
        group.Elect(1);
        Assert.True(group[1].Core.ReadIndex(1, group[1].Now));
        group.Lose = m => m.Kind == MessageKind.HeartbeatResponse && m.From.Value > 2;
        group.Settle();
        Assert.Empty(group[1].Reads);
        group.Lose = m => m.Kind == MessageKind.HeartbeatResponse && m.From.Value > 3;
        group.Tick(2);
        Assert.False(Assert.Single(group[1].Reads).Refused);
    }

    private static Message SnapshotTo(TestGroup group, ulong index, ulong term) =>
        Messages.Heartbeat(2, 1, 5) with
        {
            Kind = MessageKind.Snapshot,
            Snapshot = new SnapshotMeta(new LogIndex(index), new Term(term), group.Conf),
        };

    private static TestGroup Joint(string incoming, string outgoing)
    {
        PeerId[] Of(string list) => [.. Ids(list).Select(id => new PeerId(id))];
        return new TestGroup(new ConfState(Of(incoming), [], Of(outgoing), [], false), Messages.Bare);
    }

    private static ulong[] Ids(string list) =>
        [.. list.Split(',').Select(id => ulong.Parse(id, System.Globalization.CultureInfo.InvariantCulture))];
}
