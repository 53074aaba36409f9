using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Rows;

/// <summary>Checklist rows D (membership) as scripts, under the checker of every safety rule.</summary>
public sealed class MembershipRowTests
{
    /// <summary>
    /// The mistake of single-server changes: a leader's change reaches a few, a new leader makes another one before it
    /// has committed in its term, and the two memberships have majorities without a common peer.
    /// </summary>
    [Theory]
    [InlineData(ConfChangeKind.AddVoter, 5, ConfChangeKind.RemovePeer, 1)]
    [InlineData(ConfChangeKind.AddVoter, 5, ConfChangeKind.AddVoter, 6)]
    [InlineData(ConfChangeKind.RemovePeer, 4, ConfChangeKind.RemovePeer, 1)]
    public void D1_TwoLeadersEachWithAChange_NeverTwoMajorities(
        ConfChangeKind firstKind, ulong firstPeer, ConfChangeKind secondKind, ulong secondPeer)
    {
        PeerId[] ids = [.. Enumerable.Range(1, 6).Select(i => new PeerId((ulong)i))];
        var group = new TestGroup(new ConfState(ids[..4], ids[4..], [], [], false));
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Tick(4);
        group.Isolate(1);
        Assert.True(Change(group, 1, firstKind, firstPeer).IsAccepted);
        group.Settle();

        group.Pass(10_000);
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        foreach (ulong id in new ulong[] { 2, 3, 4 })
        {
            group[id].Core.ForgetLeader(group[id].Now);
        }

        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Change(group, 2, secondKind, secondPeer).Outcome);
        group.Lose = null;
        group.Tick(4);
        Assert.True(Change(group, 2, secondKind, secondPeer).IsAccepted);
        group.Tick(4);

        // The old leader may talk to whom its change would give it, and to one more; the new one is cut off.
        group.Heal();
        group.Isolate(2);
        for (int i = 0; i < 5; i++)
        {
            group.Tick(30);
            group[1].Core.Campaign(group[1].Now);
            group.Settle();
        }

        group.Heal();
        TestPeer leader = group.AwaitLeader();
        group.Tick(30);
        Assert.All(
            group.Peers.Where(p => leader.Core.Conf.Voters.Contains(p.Core.Id)),
            p => Assert.Equal(SafetyChecker.Describe(leader.Core.Conf), SafetyChecker.Describe(p.Core.Conf)));
        Assert.Equal(secondKind == ConfChangeKind.AddVoter, leader.Core.Conf.Voters.Contains(new PeerId(secondPeer)));
    }

    /// <summary>A new leader's log may hold a change of the one before: until that is applied, no other.</summary>
    [Fact]
    public void D2_InheritedChangeIsNotYetApplied_NextOneIsRefused()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Tick(3);
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        Assert.True(Change(group, 1, ConfChangeKind.AddLearner, 4).IsAccepted);
        group.Settle();
        group[1].Crash();
        group.Lose = null;
        group.Pass(10_000);
        group[2].HoldApply = true;
        group[3].Core.ForgetLeader(group[3].Now);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.True(group[2].Core.CommittedInOwnTerm);
        Assert.Empty(group[2].Core.Conf.Learners);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Change(group, 2, ConfChangeKind.AddLearner, 5).Outcome);
        group[2].ApplyAll();
        Assert.Equal([new PeerId(4)], group[2].Core.Conf.Learners);
        Assert.True(Change(group, 2, ConfChangeKind.AddLearner, 5).IsAccepted);
    }

    /// <summary>A change that was appended, never committed and then overwritten was never in force anywhere.</summary>
    [Fact]
    public void D3_UncommittedChangeIsOverwritten_WasNeverInForce()
    {
        var group = new TestGroup(5);
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Tick(3);
        foreach (ulong a in new ulong[] { 1, 2 })
        {
            foreach (ulong b in new ulong[] { 3, 4, 5 })
            {
                group.CutBoth(a, b);
            }
        }

        Assert.True(Change(group, 1, ConfChangeKind.RemovePeer, 5).IsAccepted);
        group.Settle();
        Assert.All(new ulong[] { 1, 2 }, id => Assert.Contains(
            group[id].Log.Entries, e => e.Kind == EntryKind.ConfChange));
        Assert.All(group.Peers, p => Assert.Equal("1,2,3,4,5////False", SafetyChecker.Describe(p.Core.Conf)));
        group.Tick(40);
        TestPeer leader = group.Peers.Single(p => p.Core.IsLeader);
        group.Heal();
        group.Tick(10);
        Assert.All(group.Peers, p => Assert.DoesNotContain(p.Log.Entries, e => e.Kind == EntryKind.ConfChange));
        Assert.All(group.Peers, p => Assert.Equal("1,2,3,4,5////False", SafetyChecker.Describe(p.Core.Conf)));
        Assert.True(Change(group, leader.Core.Id.Value, ConfChangeKind.RemovePeer, 1).IsAccepted);
        group.Tick(4);
        Assert.Equal("2,3,4,5////False", SafetyChecker.Describe(leader.Core.Conf));
    }

    /// <summary>A change of several peers, with the leader or a follower crashed after each single delivery: it is
    /// made as a whole or not at all, and no joint membership is left behind.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void D5_CrashAtEachStepOfAJointChange_NoJointMembershipIsLeft(bool crashLeader)
    {
        int made = 0;
        for (int step = 0; step < 80; step++)
        {
            TestGroup group = Replaceable();
            group.Elect(1);
            group.Tick(4);
            Assert.True(group[1].Core.ProposeConfChange(Replacement, group[1].Now).IsAccepted);
            for (int i = 0; i < step; i++)
            {
                DeliverOne(group);
            }

            TestPeer victim = crashLeader ? group.TheLeader! : group[2];
            victim.Crash();
            group.Tick(40);
            victim.Restart();
            TestPeer leader = group.AwaitLeader();
            group.Tick(40);
            Assert.Empty(leader.Core.Conf.VotersOutgoing);
            string conf = SafetyChecker.Describe(leader.Core.Conf);
            Assert.Contains(conf, new[] { "1,4,5//3//False", "1,2,3//4,5//False" });
            made += conf[2] == '4' ? 1 : 0;
            Assert.All(
                group.Peers.Where(p => leader.Core.Conf.Voters.Contains(p.Core.Id)),
                p => Assert.Equal(conf, SafetyChecker.Describe(p.Core.Conf)));
        }

        // Lost when the leader crashed before anybody else had it; never otherwise.
        Assert.InRange(made, crashLeader ? 40 : 80, crashLeader ? 79 : 80);
    }

    /// <summary>The entry that leaves is lost with its leader; the next leader, from either half, leaves.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(5)]
    public void D5_LeaveIsLostWithItsLeader_TheNextOneLeaves(ulong heir)
    {
        TestGroup group = Replaceable();
        group.Elect(1);
        group.Tick(4);
        group.Lose = m => m.Entries.Any(e => e.Kind == EntryKind.ConfChange && ConfChange.TryDecode(
            e.Data.Span, out ConfChange change) && change.IsLeave);
        Assert.True(group[1].Core.ProposeConfChange(Replacement, group[1].Now).IsAccepted);
        group.Tick(4);
        Assert.NotEmpty(group[4].Core.Conf.VotersOutgoing);
        if (heir != 1)
        {
            group[1].Crash();
        }

        group.Lose = null;
        group.Pass(10_000);
        if (heir != 1)
        {
            foreach (TestPeer peer in group.Peers.Where(p => !p.IsDown))
            {
                peer.Core.ForgetLeader(peer.Now);
            }

            group[heir].Core.Campaign(group[heir].Now);
            group.Settle();
            Assert.True(group[heir].Core.IsLeader);
        }

        group.Tick(5);
        Assert.Equal("1,4,5//3//False", SafetyChecker.Describe(group[heir].Core.Conf));
    }

    /// <summary>No second change on top of a joint membership; only its end.</summary>
    [Fact]
    public void D5_ChangeWhileJoint_IsRefused()
    {
        TestGroup group = Replaceable();
        group.Elect(1);
        group.Tick(4);
        ConfChange change = Replacement with { Transition = ConfTransition.JointExplicit };
        Assert.True(group[1].Core.ProposeConfChange(change, group[1].Now).IsAccepted);
        group.Tick(30);
        Assert.NotEmpty(group[1].Core.Conf.VotersOutgoing);
        Assert.Equal([new PeerId(3)], group[1].Core.Conf.LearnersNext);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Change(group, 1, ConfChangeKind.AddLearner, 9).Outcome);
        Assert.Equal(
            ProposeOutcome.ConfChangeRefused, group[1].Core.ProposeConfChange(change, group[1].Now).Outcome);
        Assert.True(group[1].Core.ProposeConfChange(ConfChange.LeaveJoint, group[1].Now).IsAccepted);
        Assert.Equal(
            ProposeOutcome.ConfChangeRefused,
            group[1].Core.ProposeConfChange(ConfChange.LeaveJoint, group[1].Now).Outcome);
        group.Tick(3);
        Assert.Equal("1,4,5//3//False", SafetyChecker.Describe(group[1].Core.Conf));
    }

    /// <summary>The removed leader stays to vote until the others can do without it.</summary>
    [Fact]
    public void D6_RemovedLeaderStillThere_GivesTheVoteThatTheJointMembershipNeeds()
    {
        var group = new TestGroup(2);
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Settle();
        Assert.True(Change(group, 1, ConfChangeKind.RemovePeer, 1).IsAccepted);
        group.Tick(30);
        Assert.True(group[2].Core.IsLeader);
        Assert.Equal("2////False", SafetyChecker.Describe(group[2].Core.Conf));
        group[1].Crash();
        LogIndex index = group.Propose(2, 7).Index;
        group.Settle();
        Assert.Equal(index, group[2].Core.Committed);
    }

    /// <summary>A second voter must hold the log before it is one; then the two need each other.</summary>
    [Fact]
    public void D8_SecondVoterOfAGroupOfOne_MustHoldTheLogFirst()
    {
        var conf = new ConfState([new PeerId(1)], [new PeerId(2)], [], [], false);
        var group = new TestGroup(conf, config => config with { PromoteLagMax = 2 });
        group.Checker = new SafetyChecker(group);
        group.Isolate(2);
        group.Elect(1);
        for (ulong value = 1; value <= 10; value++)
        {
            group.Propose(1, value);
            group.Settle();
        }

        Assert.Equal(ProposeOutcome.ConfChangeRefused, Change(group, 1, ConfChangeKind.AddVoter, 2).Outcome);
        Assert.Equal(group[1].Core.LastIndex, group[1].Core.Committed);
        group.Heal();
        group.Tick(4);
        Assert.True(Change(group, 1, ConfChangeKind.AddVoter, 2).IsAccepted);
        group.Settle();
        group[1].Crash();
        group.Tick(60);
        Assert.DoesNotContain(group.Peers, p => !p.IsDown && p.Core.IsLeader);
        group[1].Restart();
        group.AwaitLeader();
        group.Tick(5);
        Assert.Equal(Enumerable.Range(1, 10).Select(i => (ulong)i), TestGroup.ValuesOf(group[2].Applied));
    }

    /// <summary>Changes on both sides of a partition: what was acknowledged stays, what was not made stays
    /// unmade.</summary>
    [Fact]
    public void D9_ChangesDuringAPartition_LoseNothingThatWasAcknowledged()
    {
        PeerId[] ids = [.. Enumerable.Range(1, 6).Select(i => new PeerId((ulong)i))];
        var group = new TestGroup(new ConfState(ids[..5], ids[5..], [], [], false));
        group.Checker = new SafetyChecker(group);
        group.Elect(1);
        group.Tick(4);
        group.Propose(1, 1);
        group.Settle();
        foreach (ulong a in new ulong[] { 1, 2 })
        {
            foreach (ulong b in new ulong[] { 3, 4, 5, 6 })
            {
                group.CutBoth(a, b);
            }
        }

        Assert.True(Change(group, 1, ConfChangeKind.RemovePeer, 5).IsAccepted);
        Assert.True(group.Propose(1, 100).IsAccepted);
        group.Tick(40);
        TestPeer leader = group.Peers.Single(p => p.Core.IsLeader);
        Assert.True(leader.Core.Id.Value >= 3);
        ulong id = leader.Core.Id.Value;
        Assert.True(group.Propose(id, 2).IsAccepted);
        group.Settle();
        Assert.True(Change(group, id, ConfChangeKind.AddVoter, 6).IsAccepted);
        group.Settle();
        Assert.True(group.Propose(id, 3).IsAccepted);
        group.Settle();
        Assert.Equal([1UL, 2UL, 3UL], TestGroup.ValuesOf(leader.Applied));
        group.Heal();
        group.Tick(60);
        leader = group.AwaitLeader();
        Assert.All(group.Peers, p => Assert.Equal([1UL, 2UL, 3UL], TestGroup.ValuesOf(p.Applied)));
        Assert.All(group.Peers, p => Assert.Equal("1,2,3,4,5,6////False", SafetyChecker.Describe(p.Core.Conf)));
    }

    private static ConfChange Replacement => ConfChange.Of(
        new(ConfChangeKind.AddVoter, new PeerId(4)), new(ConfChangeKind.AddVoter, new PeerId(5)),
        new(ConfChangeKind.RemovePeer, new PeerId(2)), new(ConfChangeKind.AddLearner, new PeerId(3)));

    private static TestGroup Replaceable()
    {
        PeerId[] ids = [.. Enumerable.Range(1, 5).Select(i => new PeerId((ulong)i))];
        var group = new TestGroup(new ConfState(ids[..3], ids[3..], [], [], false));
        group.Checker = new SafetyChecker(group);
        return group;
    }

    private static void DeliverOne(TestGroup group)
    {
        foreach (TestPeer peer in group.Peers.Where(p => !p.IsDown))
        {
            peer.Drain();
            peer.PersistAll();
        }

        if (group.Wire.Count > 0)
        {
            Message message = group.Wire[0];
            group.Wire.RemoveAt(0);
            group.Deliver(message);
        }
    }

    private static ProposeResult Change(TestGroup group, ulong leader, ConfChangeKind kind, ulong peer) =>
        group[leader].Core.ProposeConfChange(
            ConfChange.Of(new ConfChangeStep(kind, new PeerId(peer))), group[leader].Now);
}
