using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

public sealed class MembershipTests
{
    [Fact]
    public void ConfChange_RoundTrips_AndDamageIsRefused()
    {
        var change = new ConfChange(
            [new(ConfChangeKind.AddVoter, new PeerId(4)), new(ConfChangeKind.RemovePeer, new PeerId(ulong.MaxValue))],
            ConfTransition.JointExplicit,
            new byte[] { 1, 2, 3 });
        byte[] bytes = change.Encode();
        Assert.True(ConfChange.TryDecode(bytes, out ConfChange read));
        Assert.Equal(change.Steps, read.Steps);
        Assert.Equal(change.Transition, read.Transition);
        Assert.Equal(change.Context.ToArray(), read.Context.ToArray());
        for (int length = 0; length < bytes.Length - 3; length++)
        {
            Assert.False(ConfChange.TryDecode(bytes.AsSpan(0, length), out _));
        }

        bytes[0] = 2;
        Assert.False(ConfChange.TryDecode(bytes, out _));
        Assert.True(ConfChange.TryDecode(ConfChange.LeaveJoint.Encode(), out ConfChange leave) && leave.IsLeave);
    }

    [Fact]
    public void Changer_OneStepThatTakesNoVoter_IsSimple_AllElseIsJoint()
    {
        ConfState three = Voters(1, 2, 3);
        Assert.Empty(Apply(three, Step(ConfChangeKind.AddVoter, 4)).VotersOutgoing);
        Assert.Equal([new PeerId(4)], Apply(three, Step(ConfChangeKind.AddLearner, 4)).Learners);
        ConfState removing = Apply(three, Step(ConfChangeKind.RemovePeer, 3));
        Assert.Equal(three.Voters, removing.VotersOutgoing);
        Assert.True(removing.AutoLeave);
        Assert.Equal([new PeerId(1), new PeerId(2)], Apply(removing, ConfChange.LeaveJoint).Voters);
    }

    [Fact]
    public void Changer_DemotedVoter_WaitsInLearnersNextUntilTheChangeIsOver()
    {
        ConfState joint = Apply(Voters(1, 2, 3), Step(ConfChangeKind.AddLearner, 3));
        Assert.Empty(joint.Learners);
        Assert.Equal([new PeerId(3)], joint.LearnersNext);
        ConfState after = Apply(joint, ConfChange.LeaveJoint);
        Assert.Equal([new PeerId(3)], after.Learners);
        Assert.Equal([new PeerId(1), new PeerId(2)], after.Voters);
    }

    [Fact]
    public void Changer_WhatCannotBe_IsRefused()
    {
        Assert.Null(ConfChanger.Apply(Voters(1), ConfChange.LeaveJoint));
        Assert.Null(ConfChanger.Apply(Voters(1), ConfChange.Of(Step(ConfChangeKind.RemovePeer, 1))));
        ConfState joint = Apply(Voters(1, 2), Step(ConfChangeKind.RemovePeer, 2));
        Assert.Null(ConfChanger.Apply(joint, ConfChange.Of(Step(ConfChangeKind.AddLearner, 9))));
    }

    /// <summary>Any chain of random changes: always a voter, never one peer in two roles, majorities that
    /// overlap.</summary>
    [Fact]
    public void Changer_RandomChanges_KeepsItsInvariants()
    {
        for (ulong seed = 1; seed <= 500; seed++)
        {
            var random = new DeterministicRandom(seed);
            ConfState conf = Voters(1, 2, 3);
            for (int i = 0; i < 20; i++)
            {
                ConfChangeStep[] steps =
                [
                    .. Enumerable.Range(0, random.Next(4)).Select(_ =>
                        Step((ConfChangeKind)random.Next(1, 4), (ulong)random.Next(1, 7))),
                ];
                var change = new ConfChange(steps, (ConfTransition)random.Next(3), ReadOnlyMemory<byte>.Empty);
                ConfState next = ConfChanger.Apply(conf, change) ?? conf;
                Assert.True(ConfCheck.IsValid(next), $"seed {seed}");
                Assert.True(AlwaysOverlap(conf, next), $"seed {seed}: majorities of two neighbours do not meet");
                conf = next;
            }
        }
    }

    [Fact]
    public void D8_NewPeer_LearnsFromASnapshotBeforeItVotes()
    {
        TestGroup group = Born(3);
        group.Elect(1);
        group.Propose(1, 1);
        group.Settle();
        MakeSnapshot(group[1]);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, 1, Step(ConfChangeKind.AddVoter, 4)));
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, 1, Step(ConfChangeKind.AddLearner, 4)));
        group.Add(new PeerId(4), new ConfState([], [], [], [], false), new MemoryLog());
        group.Settle();
        MakeSnapshot(group[1]);
        group.Tick(10);
        Assert.Equal(group[1].Core.Applied, group[4].Core.Applied);
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, 1, Step(ConfChangeKind.AddVoter, 4)));
        group.Tick(3);
        Assert.Equal(4, group[4].Core.Conf.Voters.Count);
        group[1].Crash();
        group[2].Crash();
        group.Tick(60);
        Assert.DoesNotContain(group.Peers, p => !p.IsDown && p.Core.IsLeader);
        group[2].Restart();
        group.AwaitLeader();
    }

    /// <summary>Rows D1, D2: nothing before the own term is committed, and one change at a time.</summary>
    [Fact]
    public void D2_ChangeTooEarlyOrWhileOneIsUnderWay_IsRefused()
    {
        TestGroup group = Born(3);
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        group.Elect(1);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, 1, Step(ConfChangeKind.AddLearner, 4)));
        group.Lose = null;
        group.Tick(5);
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, 1, Step(ConfChangeKind.AddLearner, 4)));
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, 1, Step(ConfChangeKind.AddLearner, 5)));
        group.Settle();
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, 1, Step(ConfChangeKind.AddLearner, 5)));
        Assert.Equal(ProposeOutcome.NotLeader, Propose(group, 2, Step(ConfChangeKind.AddLearner, 6)));
    }

    /// <summary>What no snapshot could carry and no peer could read never enters the log.</summary>
    [Fact]
    public void ProposeConfChange_UnreadableOrTooManyPeers_IsRefused()
    {
        TestGroup group = Born(3);
        group.Elect(1);
        group.Settle();
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, 1, Step(ConfChangeKind.AddLearner, 0)));
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, 1, Step((ConfChangeKind)4, 4)));
        ConfChangeStep[] steps = [.. Enumerable.Range(10, 33).Select(i => Step(ConfChangeKind.AddLearner, (ulong)i))];
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, steps));
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, steps[..32]));
        group.Settle();
        Assert.Equal(35, group[1].Core.Conf.Voters.Count + group[1].Core.Conf.Learners.Count);
        Assert.Empty(group[1].Core.Conf.VotersOutgoing);
        steps = [.. Enumerable.Range(50, 30).Select(i => Step(ConfChangeKind.AddLearner, (ulong)i))];
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, steps));
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, steps[..20]));
    }

    /// <summary>Row D6: a leader being taken out hands over first, and the change is finished by its heir.</summary>
    [Fact]
    public void D6_LeaderThatIsRemoved_HandsOverWhileJoint_AndItsHeirLeaves()
    {
        TestGroup group = Born(3);
        group.Elect(1);
        group.Settle();
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, 1, Step(ConfChangeKind.RemovePeer, 1)));
        group.Settle();
        Assert.Equal(ProposeOutcome.NotLeader, group.Propose(1, 5).Outcome);
        group.Tick(30);
        TestPeer heir = group.AwaitLeader();
        Assert.NotEqual(1UL, heir.Core.Id.Value);
        Assert.Equal([new PeerId(2), new PeerId(3)], heir.Core.Conf.Voters);
        Assert.Empty(heir.Core.Conf.VotersOutgoing);
        group.Tick(200);
        Assert.Equal(heir, group.AwaitLeader());
    }

    [Fact]
    public void Joint_CommitsNeedBothMajorities()
    {
        var conf = new ConfState(
            [new PeerId(1), new PeerId(2), new PeerId(3)],
            [],
            [new PeerId(1), new PeerId(4), new PeerId(5)],
            [],
            false);
        var group = new TestGroup(conf);
        group.Elect(1);
        group.Isolate(4);
        group.Isolate(5);
        LogIndex index = group.Propose(1, 1).Index;
        group.Settle();
        Assert.True(group[1].Core.Committed < index);
        group.Heal();
        group.Isolate(2);
        group.Tick(5);
        Assert.Equal(index, group[1].Core.Committed);
        group.Isolate(4);
        group.Isolate(5);
        group.Pass(1_000);
        group.Tick(3);
        Assert.False(group[1].LeaseRuns);
        group.Tick(20);
        Assert.False(group[1].Core.IsLeader);
    }

    [Fact]
    public void Joint_Explicit_StaysUntilTold()
    {
        TestGroup group = Born(3);
        group.Elect(1);
        group.Settle();
        var change = new ConfChange(
            [Step(ConfChangeKind.AddLearner, 3)], ConfTransition.JointExplicit, ReadOnlyMemory<byte>.Empty);
        Assert.True(group[1].Core.ProposeConfChange(change, group[1].Now).IsAccepted);
        group.Tick(10);
        Assert.Equal(3, group[1].Core.Conf.VotersOutgoing.Count);
        Assert.Equal(ProposeOutcome.ConfChangeRefused, Propose(group, 1, Step(ConfChangeKind.AddLearner, 8)));
        Assert.True(group[1].Core.ProposeConfChange(ConfChange.LeaveJoint, group[1].Now).IsAccepted);
        group.Settle();
        Assert.Equal([new PeerId(3)], group[2].Core.Conf.Learners);
    }

    /// <summary>What the smaller quorum already holds is committed in the moment the change is applied.</summary>
    [Fact]
    public void Apply_QuorumBecomesSmaller_CommitsWhatItHoldsAlready()
    {
        TestGroup group = Born(2);
        group.Elect(1);
        group.Settle();
        var change = new ConfChange(
            [Step(ConfChangeKind.RemovePeer, 2)], ConfTransition.JointExplicit, ReadOnlyMemory<byte>.Empty);
        Assert.True(group[1].Core.ProposeConfChange(change, group[1].Now).IsAccepted);
        group.Settle();
        group[1].HoldApply = true;
        Assert.True(group[1].Core.ProposeConfChange(ConfChange.LeaveJoint, group[1].Now).IsAccepted);
        group.Settle();
        Assert.Single(group[1].ToApply);
        group.Isolate(2);
        LogIndex index = group.Propose(1, 1).Index;
        group.Settle();
        Assert.True(group[1].Core.Committed < index);
        group[1].ApplyAll();
        Assert.Equal(index, group[1].Core.Committed);
    }

    /// <summary>A committed change that is not applied yet keeps a peer from campaigning, also after a crash.</summary>
    [Fact]
    public void Campaign_CommittedChangeNotApplied_WaitsForIt()
    {
        TestGroup group = Born(3);
        group.Elect(1);
        group[2].HoldApply = true;
        Propose(group, 1, Step(ConfChangeKind.AddLearner, 9));
        group.Settle();
        group.Propose(1, 1);
        group.Settle();
        group[1].Crash();
        group[2].Crash();
        group[2].HoldApply = true;
        group[2].Restart();
        group.Pass(10_000);
        group[2].Core.Campaign(group[2].Now);
        Assert.Equal(Role.Follower, group[2].Core.Role);
        group[2].HoldApply = false;
        group[2].Drain();
        group[2].Core.Campaign(group[2].Now);
        Assert.Equal(Role.PreCandidate, group[2].Core.Role);
    }

    /// <summary>
    /// Row D4: changes that were handed to apply before a snapshot came are not made on top of its membership; a crash
    /// between the two finds a membership that fits what was applied.
    /// </summary>
    [Fact]
    public void D4_ChangeAppliedWhileASnapshotIsInstalled_MembershipIsTheSnapshots()
    {
        TestGroup group = Born(3);
        group.Elect(1);
        group[3].HoldApply = true;
        Propose(group, 1, Step(ConfChangeKind.AddLearner, 4));
        group.Tick(3);
        Assert.NotEmpty(group[3].ToApply);
        group.Isolate(3);
        Propose(group, 1, Step(ConfChangeKind.RemovePeer, 4));
        group.Tick(3);
        MakeSnapshot(group[1]);
        group[1].Log.CutTo(group[1].Core.Applied);
        group.Heal();
        for (int i = 0; i < 10 && group[3].Core.FirstIndex < group[1].Core.FirstIndex; i++)
        {
            group.Tick(1, settle: false);
            group.Settle(persist: false);
        }

        Assert.Equal(group[1].Core.FirstIndex, group[3].Core.FirstIndex);
        Assert.Equal(LogIndex.Zero, group[3].Core.Persisted);
        group[3].ApplyAll();
        Assert.Equal([new PeerId(4)], group[3].Core.Conf.Learners);
        group[3].PersistAll();
        Assert.Empty(group[3].Core.Conf.Learners);
        Assert.Equal(group[1].Core.Applied, group[3].Core.Applied);
    }

    /// <summary>Row D1: no change enters the log before the new leader has committed in its own term, its own leaving
    /// of a joint membership included.</summary>
    [Fact]
    public void D1_NewLeaderWhileJoint_LeavesOnlyAfterItsOwnTermIsCommitted()
    {
        TestGroup group = Born(3);
        group.Elect(1);
        group.Settle();
        group[1].HoldApply = true;
        group[2].HoldApply = true;
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, 1, Step(ConfChangeKind.RemovePeer, 3)));
        LogIndex last = group.Propose(1, 7).Index;
        group.Settle();

        // What peer 1 appends when it applies the change, its leaving, stays with it and is lost when it crashes.
        group.Lose = m => m.Entries.Count > 0;
        Assert.True(group[1].ApplyOne());
        Assert.True(group[1].ApplyOne());
        for (int i = 0; i < 3; i++)
        {
            group.Tick(1, settle: false);
            group.Settle(persist: false);
        }

        Assert.Equal(2, group[2].ToApply.Count);
        Assert.True(group[2].ApplyOne());
        Assert.NotEmpty(group[2].Core.Conf.VotersOutgoing);

        group[1].Crash();
        group.Pass(10_000);
        group.Lose = m => m.Kind == MessageKind.AppendResponse;
        group[2].Core.ForgetLeader(group[2].Now);
        group[3].Core.ForgetLeader(group[3].Now);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.False(group[2].Core.IsLeader, "joint: peer 1's half has no quorum without it");
        group[1].Restart();
        group.Pass(10_000);
        group[2].Core.Campaign(group[2].Now);
        group.Settle();
        Assert.True(group[2].Core.IsLeader);
        Assert.False(group[2].Core.CommittedInOwnTerm);
        group[2].ApplyAll();
        Assert.Equal(last, group[2].Core.Applied);
        Assert.Equal(last.Next(), group[2].Core.LastIndex);
        group[2].HoldApply = false;
        group.Lose = null;
        group.Tick(5);
        Assert.Empty(group[2].Core.Conf.VotersOutgoing);
    }

    /// <summary>Row D6: a leader that applies the end of its own membership tells the others that it is committed,
    /// also where a risen commit is not told at once.</summary>
    [Fact]
    public void D6_LeaderTakenOutByAChangeItInherited_TellsTheCommitAsItGoes()
    {
        TestGroup group = Born(3, config => config with { CommitAtOnce = false });
        group.Elect(1);
        group.Tick(3);

        // Peer 2 leads while joint and leaves, but its last entry reaches only peer 1, which is on its way out.
        Assert.Equal(ProposeOutcome.Accepted, Propose(group, 1, Step(ConfChangeKind.RemovePeer, 1)));
        group.Lose = m => m.Entries.Any(IsLeave) && m.To.Value == 3;
        for (int i = 0; i < 40 && !group[1].Log.Entries.Any(IsLeave); i++)
        {
            group.Tick(1);
        }

        Assert.True(group[1].Log.Entries.Any(IsLeave) && !group[3].Log.Entries.Any(IsLeave), group.Describe());
        TestPeer leader = group.TheLeader!;
        leader.Crash();
        leader.Restart();
        group.Pass(10_000);
        group.Lose = null;
        group[3].Core.ForgetLeader(group[3].Now);
        group[1].Core.ForgetLeader(group[1].Now);
        group[1].Core.Campaign(group[1].Now);
        group.Settle();
        Assert.Contains(
            group.Sent, m => m.From.Value == 1 && m.Kind == MessageKind.Append && m.Term == group[1].Core.Term);
        Assert.False(group[1].Core.IsLeader);
        Assert.All(new ulong[] { 2, 3 }, id => Assert.Empty(group[id].Core.Conf.VotersOutgoing));
    }

    private static bool IsLeave(Entry entry) =>
        entry.Kind == EntryKind.ConfChange && ConfChange.TryDecode(entry.Data.Span, out ConfChange change)
        && change.IsLeave;

    private static TestGroup Born(int count, Func<RaftConfig, RaftConfig>? configure = null)
    {
        ConfState conf = Voters([.. Enumerable.Range(1, count).Select(i => (ulong)i)]);
        var born = new SnapshotMeta(new LogIndex(5), new Term(5), conf);
        return new TestGroup(conf, configure, 1, _ =>
        {
            var log = new MemoryLog();
            log.Write(null, [], born);
            return log;
        });
    }

    private static void MakeSnapshot(TestPeer peer)
    {
        Assert.True(peer.Core.TryTermAt(peer.Core.Applied, out Term term));
        peer.Log.SnapshotToSend = new SnapshotMeta(peer.Core.Applied, term, peer.Core.Conf);
    }

    private static ProposeOutcome Propose(TestGroup group, ulong id, ConfChangeStep step) =>
        group[id].Core.ProposeConfChange(ConfChange.Of(step), group[id].Now).Outcome;

    private static ProposeOutcome Propose(TestGroup group, ConfChangeStep[] steps) =>
        group[1].Core.ProposeConfChange(ConfChange.Of(steps), group[1].Now).Outcome;

    private static ConfChangeStep Step(ConfChangeKind kind, ulong peer) => new(kind, new PeerId(peer));

    private static ConfState Voters(params ulong[] ids) => ConfState.OfVoters([.. ids.Select(i => new PeerId(i))]);

    private static ConfState Apply(ConfState conf, ConfChange change) =>
        ConfChanger.Apply(conf, change) ?? throw new InvalidOperationException("refused");

    private static ConfState Apply(ConfState conf, ConfChangeStep step) => Apply(conf, ConfChange.Of(step));

    private static bool AlwaysOverlap(ConfState one, ConfState other)
    {
        for (int mask = 0; mask < 1 << 6; mask++)
        {
            PeerId[] all = [.. Enumerable.Range(1, 6).Select(i => new PeerId((ulong)i))];
            PeerId[] side = [.. all.Where((_, i) => (mask >> i & 1) != 0)];
            PeerId[] rest = [.. all.Except(side)];
            if (Decides(one, side) && Decides(other, rest))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Decides(ConfState conf, PeerId[] side) =>
        conf.Voters.Count(side.Contains) * 2 > conf.Voters.Count
        && (conf.VotersOutgoing.Count == 0 || conf.VotersOutgoing.Count(side.Contains) * 2 > conf.VotersOutgoing.Count);
}
