using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Paper;

/// <summary>
/// The Raft paper (extended version), §5.1 and §5.2 and the rules for elections in its figure 2, on the bare
/// algorithm: what pre-vote, check-quorum and leases add is tested elsewhere.
/// </summary>
public sealed class Section5ElectionTests
{
    public static TheoryData<Role, MessageKind> RolesAndKinds
    {
        get
        {
            var data = new TheoryData<Role, MessageKind>();
            foreach (Role role in new[] { Role.Follower, Role.Candidate, Role.Leader })
            {
                foreach (MessageKind kind in Enum.GetValues<MessageKind>().Where(kind => kind != MessageKind.PreVote))
                {
                    data.Add(role, kind);
                }
            }

            return data;
        }
    }

    /// <summary>Whoever sees a higher term follows it, and has voted for nobody in it unless asked to.</summary>
    [Theory]
    [MemberData(nameof(RolesAndKinds))]
    public void Section5_1_HigherTermSeen_EveryRoleFollowsIt(Role role, MessageKind kind)
    {
        TestGroup group = InRole(role);
        RaftPeer core = group[1].Core;
        ulong term = core.Term.Value + 3;
        group.Deliver(Messages.Vote(2, 1, term, 1, 1) with
        {
            Kind = kind,
            Reject = kind is MessageKind.PreVoteResponse or MessageKind.AppendResponse,
            LogIndex = kind is MessageKind.AppendResponse ? LogIndex.Zero : new LogIndex(1),
            Snapshot = kind == MessageKind.Snapshot
                ? new SnapshotMeta(new LogIndex(1), new Term(1), group.Conf)
                : null,
        });
        Assert.Equal(new Term(term), core.Term);
        Assert.Equal(Role.Follower, core.Role);
        Assert.True(core.Vote.IsNone || kind == MessageKind.Vote);
    }

    [Theory]
    [InlineData(MessageKind.Vote, MessageKind.VoteResponse)]
    [InlineData(MessageKind.PreVote, MessageKind.PreVoteResponse)]
    [InlineData(MessageKind.Append, MessageKind.AppendResponse)]
    [InlineData(MessageKind.Heartbeat, MessageKind.AppendResponse)]
    public void Section5_1_RequestOfAnOlderTerm_IsRefusedAndTheSenderLearnsTheTerm(
        MessageKind request, MessageKind answer)
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Elect(2);
        group.Tick(2);
        RaftPeer core = group[3].Core;
        group.Sent.Clear();
        group.Deliver(Messages.Append(1, 3, core.Term.Value - 1, 0, 0, 0) with { Kind = request });
        group[3].Drain();
        Message told = Assert.Single(group.Sent);
        Assert.Equal((answer, core.Term, true), (told.Kind, told.Term, told.Reject));
        Assert.Equal(new PeerId(2), core.Leader);
    }

    [Theory]
    [InlineData(MessageKind.VoteResponse)]
    [InlineData(MessageKind.AppendResponse)]
    [InlineData(MessageKind.HeartbeatResponse)]
    public void Section5_1_AnswerOfAnOlderTerm_IsIgnored(MessageKind kind)
    {
        TestGroup group = InRole(Role.Leader);
        group.Isolate(1);
        LogIndex index = group.Propose(1, 1).Index;
        group.Settle();
        Message late = Messages.Answer(kind, 2, 1, group[1].Core.Term.Value - 1) with { LogIndex = index };
        group[1].Core.Step(late, group[1].Now);
        Assert.True(group[1].Core.IsLeader);
        Assert.True(group[1].Core.Committed < index);
    }

    [Fact]
    public void Section5_2_Start_IsAsAFollowerThatKnowsNoLeader()
    {
        var group = new TestGroup(3, Messages.Bare);
        Assert.All(group.Peers, p => Assert.Equal((Role.Follower, true), (p.Core.Role, p.Core.Leader.IsNone)));
    }

    [Fact]
    public void Section5_2_Leader_SendsHeartbeatsToEveryoneAtEachInterval()
    {
        TestGroup group = InRole(Role.Leader);
        group.Tick(2);
        group.Sent.Clear();
        group.Tick(6);
        foreach (ulong to in new ulong[] { 2, 3 })
        {
            Assert.Equal(3, group.Sent.Count(m => m.Kind == MessageKind.Heartbeat && m.To.Value == to));
        }
    }

    /// <summary>No word of a leader for the timeout: a new term, a vote for itself, requests to all others.</summary>
    [Fact]
    public void Section5_2_FollowerHearsNobody_StartsAnElection()
    {
        var group = new TestGroup(3, Messages.Bare);
        for (int i = 0; i < 20 && group[1].Core.Role == Role.Follower; i++)
        {
            group[1].Core.Tick(group[1].Now);
        }

        Assert.Equal((Role.Candidate, new Term(1), new PeerId(1)), (
            group[1].Core.Role, group[1].Core.Term, group[1].Core.Vote));
        group[1].Drain();
        group[1].PersistAll();
        Assert.Equal([2UL, 3UL], group.Sent.Where(m => m.Kind == MessageKind.Vote).Select(m => m.To.Value));
    }

    [Fact]
    public void Section5_2_FollowerHearsItsLeader_StaysAFollower()
    {
        TestGroup group = InRole(Role.Follower);
        for (int i = 0; i < 200; i++)
        {
            if (i % 9 == 0)
            {
                group.Deliver(Messages.Heartbeat(2, 1, group[1].Core.Term.Value));
            }

            group[1].Core.Tick(group[1].Now);
            Assert.Equal(Role.Follower, group[1].Core.Role);
        }
    }

    /// <summary>Granting a vote puts the own election off; refusing one does not.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Section5_2_ElectionTimer_IsResetByAVoteGrantedOnly(bool grant)
    {
        TestGroup group = Messages.WithLogs(Messages.Bare, [1, 1], [1, 1], [1, 1]);
        RaftPeer core = group[1].Core;
        core.Step(Messages.Vote(3, 1, 2, 1, 1), group[1].Now);
        Assert.True(core.Vote.IsNone, "the log of the first asker is behind");
        int ticks = 0;
        for (; ticks < 100 && core.Role == Role.Follower; ticks++)
        {
            core.Step(Messages.Vote(2, 1, 2, grant ? 2UL : 1UL, 1), group[1].Now);
            core.Tick(group[1].Now);
        }

        Assert.Equal(grant ? 100 : Math.Min(ticks, 20), ticks);
    }

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
    public void Section5_2_Candidate_WinsWithAMajorityOfAllOnly(int peers, int grants, bool wins)
    {
        var group = new TestGroup(peers, Messages.Bare);
        group[1].Core.Campaign(group[1].Now);
        group[1].Drain();
        group[1].PersistAll();
        for (int i = 0; i < grants; i++)
        {
            // Twice, because a repeated answer is one vote.
            group.Deliver(Messages.Answer(MessageKind.VoteResponse, (ulong)i + 2, 1, 1));
            group.Deliver(Messages.Answer(MessageKind.VoteResponse, (ulong)i + 2, 1, 1));
        }

        Assert.Equal(wins, group[1].Core.IsLeader);
    }

    [Fact]
    public void Section5_2_Voter_GivesOneVoteInATerm_FirstComeFirstServed()
    {
        var group = new TestGroup(4, Messages.Bare);
        group.Deliver(Messages.Vote(2, 1, 1));
        group.Deliver(Messages.Vote(3, 1, 1));
        group.Deliver(Messages.Vote(2, 1, 1));
        group[1].Drain();
        group[1].PersistAll();
        group[1].Drain();
        Assert.Equal(
            [(2UL, false), (2UL, false), (3UL, true)],
            group.Sent.Select(m => (m.To.Value, m.Reject)).Order());
        Assert.Equal(new PeerId(2), group[1].Core.Vote);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-1, false)]
    public void Section5_2_CandidateHearsALeader_FollowsItUnlessItsTermIsOlder(int termOffset, bool follows)
    {
        TestGroup group = InRole(Role.Candidate);
        ulong term = (ulong)((long)group[1].Core.Term.Value + termOffset);
        group.Deliver(Messages.Append(2, 1, term, 0, 0, 0));
        Assert.Equal(follows ? Role.Follower : Role.Candidate, group[1].Core.Role);
        Assert.Equal(follows ? new PeerId(2) : default, group[1].Core.Leader);
    }

    [Fact]
    public void Section5_2_SplitVote_NextElectionIsInTheNextTerm()
    {
        var group = new TestGroup(4, Messages.Bare);
        group[1].Core.Campaign(group[1].Now);
        group[2].Core.Campaign(group[2].Now);
        group.Deliver(Messages.Vote(1, 3, 1));
        group.Deliver(Messages.Vote(2, 4, 1));
        group.Settle();
        Assert.DoesNotContain(group.Peers, p => p.Core.IsLeader);
        group.AwaitLeader();
        Assert.True(group.TheLeader!.Core.Term > new Term(1));
    }

    /// <summary>Timeouts are drawn anew from [E, 2E) for each election, and every value of it comes up.</summary>
    [Fact]
    public void Section5_2_ElectionTimeouts_AreDrawnFromTheWholeInterval()
    {
        var seen = new SortedSet<int>();
        var group = new TestGroup(3, Messages.Bare);
        RaftPeer core = group[1].Core;
        for (int election = 0; election < 500; election++)
        {
            Term before = core.Term;
            int ticks = 0;
            while (core.Term == before)
            {
                core.Tick(group[1].Now);
                ticks++;
            }

            seen.Add(ticks);
        }

        Assert.Equal(Enumerable.Range(10, 10), seen);
    }

    /// <summary>Two peers seldom time out in the same tick: most elections have one candidate.</summary>
    [Fact]
    public void Section5_2_ElectionTimeouts_SeldomCollide()
    {
        int collisions = 0;
        for (ulong seed = 1; seed <= 300; seed++)
        {
            var group = new TestGroup(5, Messages.Bare, seed);
            while (!group.Peers.Any(p => p.Core.Role == Role.Candidate))
            {
                group.Tick(1, settle: false);
            }

            collisions += group.Peers.Count(p => p.Core.Role == Role.Candidate) > 1 ? 1 : 0;
        }

        Assert.InRange(collisions, 1, 150);
    }

    /// <summary>Term and vote are on disk before they are answered (figure 2, persistent state).</summary>
    [Fact]
    public void Section5_2_VoteAndTerm_AreDurableBeforeTheyAreTold()
    {
        var group = new TestGroup(3, Messages.Bare);
        group.Deliver(Messages.Vote(2, 1, 7));
        group[1].Drain();
        Assert.Empty(group.Sent);
        group[1].PersistAll();
        Assert.Equal((new Term(7), new PeerId(2)), (group[1].Log.HardState.Term, group[1].Log.HardState.Vote));
        Assert.False(Assert.Single(group.Sent).Reject);
    }

    private static TestGroup InRole(Role role)
    {
        var group = new TestGroup(3, Messages.Bare);
        switch (role)
        {
            case Role.Follower:
                group.Elect(2);
                break;
            case Role.Candidate:
                group.Elect(2);
                group.Isolate(1);
                group[1].Core.Campaign(group[1].Now);
                group.Settle();
                group.Heal();
                break;
            default:
                group.Elect(1);
                break;
        }

        Assert.Equal(role, group[1].Core.Role);
        return group;
    }
}
