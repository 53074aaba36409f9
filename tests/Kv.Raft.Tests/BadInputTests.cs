using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

/// <summary>What no healthy peer sends (testing rows 37 to 40) is dropped, counted, and changes nothing.</summary>
public sealed class BadInputTests
{
    public static TheoryData<string> Malformed => [.. Bad(new TestGroup(3)).Keys];

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Step_Malformed_IsDroppedAndCounted(string name)
    {
        var group = new TestGroup(3);
        group.Elect(3);
        group.Elect(1);
        group.Tick(2);
        RaftPeer core = group[2].Core;
        RaftStatus before = core.Status();
        group.Sent.Clear();
        core.Step(Bad(group)[name], group[2].Now);
        group[2].Drain();
        Assert.Equal(before.DroppedMessageCount + 1, core.Status().DroppedMessageCount);
        Assert.Empty(group.Sent);
        Assert.Equal(before with { DroppedMessageCount = 0, Progress = [] }, core.Status() with
        {
            DroppedMessageCount = 0,
            Progress = before.Progress.Count == 0 ? [] : before.Progress,
        }, (a, b) => a!.ToString() == b!.ToString());
    }

    /// <summary>Row 38: the highest believable lead of a term is followed, one more is not.</summary>
    [Fact]
    public void Step_TermFarAhead_IsNotFollowed()
    {
        var group = new TestGroup(3);
        Message append = new()
        {
            Kind = MessageKind.Heartbeat,
            From = new PeerId(1),
            To = new PeerId(2),
            Term = new Term((1UL << 32) + 1),
        };
        group[2].Core.Step(append, group[2].Now);
        Assert.Equal(Term.Zero, group[2].Core.Term);
        group[2].Core.Step(append with { Term = new Term(1UL << 32) }, group[2].Now);
        Assert.Equal(new Term(1UL << 32), group[2].Core.Term);
    }

    /// <summary>A removed peer's answers, with whatever term, depose nobody.</summary>
    [Fact]
    public void Step_AnswerOfAStranger_DeposesNobody()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        foreach (MessageKind kind in new[] { MessageKind.AppendResponse, MessageKind.VoteResponse })
        {
            group[1].Core.Step(
                new Message
                {
                    Kind = kind,
                    From = new PeerId(77),
                    To = new PeerId(1),
                    Term = new Term(50),
                    Reject = true,
                },
                group[1].Now);
        }

        Assert.True(group[1].Core.IsLeader);
    }

    /// <summary>Two leaders in one term cannot be: the second is not believed, and nothing of it is taken.</summary>
    [Theory]
    [InlineData(MessageKind.Append)]
    [InlineData(MessageKind.Heartbeat)]
    public void Step_SecondLeaderOfOneTerm_IsDropped(MessageKind kind)
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Settle();
        RaftPeer core = group[2].Core;
        long dropped = core.Status().DroppedMessageCount;
        Instant promise = core.PromiseEnd;
        group.Pass(10);
        ulong term = core.Term.Value;
        group.Deliver(Messages.Append(3, 2, term, 1, term, 0, term) with
        {
            Kind = kind,
            Entries = kind == MessageKind.Append ? [Messages.Entry(2, term)] : [],
        });
        Assert.Equal(dropped + 1, core.Status().DroppedMessageCount);
        Assert.Equal((new PeerId(1), new LogIndex(1), promise), (core.Leader, core.LastIndex, core.PromiseEnd));
    }

    [Fact]
    public void HeartbeatResponse_FromTheFuture_ExtendsNoLease()
    {
        var group = new TestGroup(3);
        group.Elect(1);
        group.Pass(5_000);
        group[1].Core.Step(
            new Message
            {
                Kind = MessageKind.HeartbeatResponse,
                From = new PeerId(2),
                To = new PeerId(1),
                Term = group[1].Core.Term,
                SentAt = group[1].Now.PlusMs(60_000),
            },
            group[1].Now);
        Assert.False(group[1].LeaseRuns);
    }

    /// <summary>Random messages, most of them nonsense, from known and unknown senders: nothing throws.</summary>
    [Fact]
    public void Step_RandomMessages_NeverThrows()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new DeterministicRandom(seed);
            var group = new TestGroup(3, seed: seed);
            if (random.Chance(0.7))
            {
                group.Elect(1);
                group.Propose(1, 1);
                group.Settle();
            }

            for (int i = 0; i < 300; i++)
            {
                TestPeer peer = group[(ulong)random.Next(1, 4)];
                try
                {
                    peer.Core.Step(Noise(random, peer), peer.Now);
                    peer.Core.TakeReady(peer.Now);
                }
                catch (InvariantViolationException e)
                {
                    throw new InvalidOperationException($"seed {seed}, message {i}: {e.Message}", e);
                }

                group.Pass(random.Next(400));
            }
        }
    }

    private static Message Noise(DeterministicRandom random, TestPeer peer)
    {
        ulong Small() => random.Chance(0.05) ? random.NextUInt64() : (ulong)random.Next(8);
        Term term = random.Chance(0.6) ? peer.Core.Term : new Term(peer.Core.Term.Value + Small());
        var kind = (MessageKind)random.Next(0, 14);
        LogIndex index = new(Small());
        return new Message
        {
            Kind = kind,
            From = new PeerId((ulong)random.Next(0, 6)),
            To = random.Chance(0.95) ? peer.Core.Id : new PeerId(9),
            Term = term,
            LogIndex = index,
            LogTerm = new Term(Small()),
            Commit = new LogIndex(Small()),
            Reject = random.Chance(0.4),
            RejectHint = new LogIndex(Small()),
            ReadId = Small(),
            SentAt = random.Chance(0.8) ? peer.Now : new Instant((long)random.NextUInt64()),
            Transfer = random.Chance(0.2),
            Entries =
            [
                .. Enumerable.Range(1, random.Next(4)).Select(i => new Entry(
                    new LogIndex(random.Chance(0.9) && index.Value < 100 ? index.Value + (ulong)i : Small()),
                    random.Chance(0.8) ? term : new Term(Small()), (EntryKind)random.Next(4), new byte[8], 0)),
            ],
            Snapshot = random.Chance(0.5)
                ? new SnapshotMeta(
                    new LogIndex(Small()),
                    new Term(Small()),
                    ConfState.OfVoters(
                        [.. Enumerable.Range(0, random.Next(4)).Select(_ => new PeerId((ulong)random.Next(5)))]))
                : null,
        };
    }

    private static Dictionary<string, Message> Bad(TestGroup group)
    {
        Message append = new()
        {
            Kind = MessageKind.Append,
            From = new PeerId(1),
            To = new PeerId(2),
            Term = group[1].Core.Term,
            LogIndex = new LogIndex(1),
            LogTerm = new Term(1),
        };
        Entry At(ulong index, ulong term) => new(new LogIndex(index), new Term(term), EntryKind.Normal, new byte[1], 0);
        Message vote = ElectionTests.VoteFrom(3, 2, new Term(9), 1, 1);
        return new Dictionary<string, Message>
        {
            ["from itself"] = append with { From = new PeerId(2) },
            ["from nobody"] = append with { From = default },
            ["for another"] = append with { To = new PeerId(3) },
            ["term 0"] = append with { Term = Term.Zero },
            ["term max"] = append with { Term = new Term(ulong.MaxValue) },
            ["unknown kind"] = append with { Kind = (MessageKind)99 },
            ["index overflow"] = append with { LogIndex = LogIndex.Max },
            ["commit overflow"] = append with { Commit = LogIndex.Max },
            ["index 0 with a term"] = append with { LogIndex = LogIndex.Zero },
            ["index without a term"] = append with { LogTerm = Term.Zero },
            ["gap before the entries"] = append with { Entries = [At(3, 1)] },
            ["gap between entries"] = append with { Entries = [At(2, 1), At(4, 1)] },
            ["terms fall"] = append with { LogTerm = new Term(2), Entries = [At(2, 1)] },
            ["entry of a later term"] = append with { Entries = [At(2, 500)] },
            ["log term above the term"] = append with { LogTerm = new Term(500) },
            ["clock below zero"] = append with { SentAt = new Instant(-1) },
            ["vote claims its own term"] = vote with { LogTerm = new Term(9) },
            ["vote with own id"] = vote with { From = new PeerId(2) },
            ["vote claims an empty log at 5"] = vote with { LogIndex = new LogIndex(5), LogTerm = Term.Zero },
            ["snapshot without meta"] = append with { Kind = MessageKind.Snapshot },
            ["snapshot without voters"] = append with
            {
                Kind = MessageKind.Snapshot,
                Snapshot = new SnapshotMeta(new LogIndex(9), new Term(1), ConfState.OfVoters()),
            },
            ["snapshot with a peer twice"] = append with
            {
                Kind = MessageKind.Snapshot,
                Snapshot = new SnapshotMeta(
                    new LogIndex(9), new Term(1), ConfState.OfVoters(new PeerId(2), new PeerId(2))),
            },
            ["snapshot whose next learner is a voter"] = append with
            {
                Kind = MessageKind.Snapshot,
                Snapshot = new SnapshotMeta(
                    new LogIndex(9), new Term(1),
                    new ConfState([new PeerId(2), new PeerId(3)], [], [new PeerId(3)], [new PeerId(3)], true)),
            },
            ["snapshot whose next learner was no voter"] = append with
            {
                Kind = MessageKind.Snapshot,
                Snapshot = new SnapshotMeta(
                    new LogIndex(9), new Term(1),
                    new ConfState([new PeerId(2)], [], [new PeerId(3)], [new PeerId(4)], true)),
            },
            ["answer of a stranger"] = append with { Kind = MessageKind.AppendResponse, From = new PeerId(42) },
        };
    }
}
