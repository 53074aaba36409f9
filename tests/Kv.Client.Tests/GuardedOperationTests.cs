using Google.Protobuf;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>Conditions, sequences, ranges and multi-gets over a network that the test plays by hand.</summary>
public sealed class GuardedOperationTests
{
    private static readonly MutationResult Found = new()
    {
        Failed = true, Found = true, Value = ByteString.CopyFromUtf8("theirs"), Revision = 4,
    };

    [Fact]
    public void ConditionFailed_IsAnAnswerAndNoError()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Of(PutIfAbsent("a")));
        Request request = rig.Expect(storeId: 1);

        Reply(rig, 1, request, new WriteResult
        {
            Revision = 9, Outcome = WriteOutcome.ConditionFailed, Results = { Found },
        });

        Assert.Null(write.Error);
        Assert.False(write.Applied);
        Assert.Equal(9ul, write.Revision);
        Assert.Equal(4ul, write.Result?.Revision);
    }

    [Fact]
    public void Retry_OfAConditionalWrite_KeepsItsIdentity()
    {
        var rig = new Rig();
        rig.Submit(WriteOperation.Of(PutIfAbsent("a")));
        Request first = rig.Expect(storeId: 1);

        rig.AdvanceMs(1_501);

        Request again = rig.ExpectAnySoon().Request;
        Assert.Equal(first.Write.Identity.Sequence, again.Write.Identity.Sequence);
        Assert.Equal(first.Write.Identity.Stamp, again.Write.Identity.Stamp);
    }

    [Fact]
    public void SequenceExhausted_IsAnErrorThatChangedNothing()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Of(
            new Mutation { Kind = MutationKind.Sequence, Key = Utf8("a"), Number = 5 }));
        Reply(rig, 1, rig.Expect(storeId: 1), new WriteResult
        {
            Outcome = WriteOutcome.SequenceExhausted, Results = { new MutationResult { Failed = true, Start = 42 } },
        });

        var error = Assert.IsType<KvSequenceExhaustedException>(write.Error);
        Assert.False(error.MaybeApplied);
        Assert.Contains("stands at 42, and 5 more", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_OfWhichOnePartsConditionFailed_TellsWhichWithoutThrowing()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Batch(
            new WriteBatch().Put("x", "1").PutIfAbsent("a", "2").CompareAndPut("b", KvExpectation.Revision(3), "4")));
        Reply(rig, 1, rig.Expect(storeId: 1), new WriteResult
        {
            Revision = 9,
            Outcome = WriteOutcome.ConditionFailed,
            Results =
            {
                new MutationResult { Index = 0, Failed = true, Found = true, ValueDropped = true },
                new MutationResult(Found) { Index = 1 },
            },
        });
        rig.ReplyWrite(2, rig.Expect(storeId: 2));

        Assert.Null(write.Error);
        BatchResult result = write.ToResult();
        Assert.False(result.AllApplied);
        Assert.True(result.MaybeApplied);
        Assert.Equal(
            [BatchPartOutcome.ConditionFailed, BatchPartOutcome.Applied], result.Parts.Select(part => part.Outcome));
        Assert.Equal(["a", "b"], result.Parts[0].Conflicts.Select(c => ByteString.CopyFrom(c.Key.Span).ToStringUtf8()));
        Assert.Equal([true, false], result.Parts[0].Conflicts.Select(conflict => conflict.CurrentDropped));
        Assert.Equal(4ul, result.Parts[0].Conflicts[1].Current?.Revision);
    }

    [Fact]
    public void BatchPart_CutAfterTheWholeWasDecided_TakesOnlyItsOwnConflicts()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Batch(new WriteBatch().PutIfAbsent("a", "1").Put("g", "2")));
        Request whole = rig.Expect(storeId: 1);
        var error = new RegionError { MaybeApplied = true, EpochNotMatch = new EpochNotMatch() };
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(10, "", "d", leader: 1, version: 2));
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(11, "d", "m", leader: 3, version: 2));
        rig.ReplyError(1, whole, error);

        Request left = rig.Expect(storeId: 1);
        Request right = rig.Expect(storeId: 3);
        Assert.Equal((0u, 1u), (left.Write.FirstIndex, right.Write.FirstIndex));
        Assert.Equal(whole.Write.Identity.Sequence, right.Write.Identity.Sequence);
        var decided = new WriteResult { Revision = 5, Outcome = WriteOutcome.ConditionFailed, Results = { Found } };
        Reply(rig, 1, left, decided);
        Reply(rig, 3, right, decided);

        Assert.Null(write.Error);
        Assert.Equal([1, 0], write.ToResult().Parts.Select(part => part.Conflicts.Count));
    }

    [Fact]
    public void DeleteRange_OverTwoRegions_GoesSliceBySlice()
    {
        var rig = new Rig();
        DeleteRangeOperation first = rig.Submit(new DeleteRangeOperation("c"u8, default));
        Request request = rig.Expect(storeId: 1);
        Assert.Equal(Range("c", "m"), Assert.Single(request.Write.Mutations));
        rig.ExpectNothing();
        rig.ReplyWrite(1, request);

        Assert.Null(first.Error);
        Assert.False(first.Finished);
        Assert.Equal(1, first.AppliedCount);
        DeleteRangeOperation second = rig.Submit(new DeleteRangeOperation(first.RestStart.Span, default));
        request = rig.Expect(storeId: 2);
        Assert.Equal(Range("m", ""), Assert.Single(request.Write.Mutations));
        rig.ReplyWrite(2, request);
        Assert.True(second.Finished);
    }

    [Fact]
    public void DeleteRange_WhoseRegionSplitAfterItWasSent_IsCutAndBothPiecesKeepTheIdentity()
    {
        var rig = new Rig();
        DeleteRangeOperation delete = rig.Submit(new DeleteRangeOperation("c"u8, "x"u8));
        Request whole = rig.Expect(storeId: 1);
        var error = new RegionError { EpochNotMatch = new EpochNotMatch() };
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(10, "", "d", leader: 1, version: 2));
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(11, "d", "m", leader: 3, version: 2));
        rig.ReplyError(1, whole, error);

        Request left = rig.Expect(storeId: 1);
        Request right = rig.Expect(storeId: 3);
        Assert.Equal(Range("c", "d"), Assert.Single(left.Write.Mutations));
        Assert.Equal(Range("d", "m"), Assert.Single(right.Write.Mutations));
        foreach (Request piece in new[] { left, right })
        {
            Assert.Equal(whole.Write.Identity.Sequence, piece.Write.Identity.Sequence);
            Assert.Equal(whole.Write.Identity.Stamp, piece.Write.Identity.Stamp);
        }

        rig.ReplyWrite(1, left);
        Assert.False(delete.IsCompleted);
        rig.ReplyWrite(3, right);
        Assert.Null(delete.Error);
        Assert.Equal((2, "m"), (delete.AppliedCount, delete.RestStart.ToStringUtf8()));
    }

    [Fact]
    public void DeleteRange_Unanswered_IsUndetermined()
    {
        var rig = new Rig();
        DeleteRangeOperation delete = rig.Submit(new DeleteRangeOperation("c"u8, "d"u8));
        rig.Expect(storeId: 1);

        rig.AdvanceMs(10_001);

        Assert.IsType<KvUndeterminedException>(delete.Error);
    }

    [Fact]
    public void DeleteRange_Empty_SendsNothing()
    {
        var rig = new Rig();

        DeleteRangeOperation delete = rig.Submit(new DeleteRangeOperation("c"u8, "c"u8));

        Assert.True(delete is { IsCompleted: true, Error: null, Finished: true, AppliedCount: 0 });
        rig.ExpectNothing();
    }

    [Fact]
    public void MultiGet_OverTwoRegions_MergesInTheOrderAsked()
    {
        var rig = new Rig();
        MultiGetOperation get = rig.Submit(NewMultiGet("x", "a", "y", "b", "a"));
        Request left = rig.Expect(storeId: 1);
        Request right = rig.Expect(storeId: 2);
        Assert.Equal(["a", "a", "b"], left.MultiGet.Keys.Select(key => key.ToStringUtf8()));
        Answer(rig, 2, right, "X", null);
        Answer(rig, 1, left, "A", "A");
        Assert.False(get.IsCompleted);

        Request rest = rig.Expect(storeId: 1);
        Assert.Equal(["b"], rest.MultiGet.Keys.Select(key => key.ToStringUtf8()));
        Answer(rig, 1, rest, "B");

        Assert.Null(get.Error);
        Assert.Equal(
            ["X", "A", "-", "B", "A"],
            get.Values.Select(one => one is { } value ? System.Text.Encoding.UTF8.GetString(value.Value) : "-"));
    }

    [Fact]
    public void MultiGet_OfWhichOneRegionFails_HoldsTheOthersAndNamesTheFailed()
    {
        var rig = new Rig();
        MultiGetOperation get = rig.Submit(NewMultiGet("x", "a", "y"));
        Answer(rig, 1, rig.Expect(storeId: 1), "A");
        rig.Expect(storeId: 2);

        rig.AdvanceMs(10_001);

        var error = Assert.IsType<KvMultiGetException>(get.Error);
        Assert.Equal([0, 2], error.FailedKeys);
        Assert.Equal("A"u8.ToArray(), error.Values[1]?.Value);
        Assert.IsType<KvTimeoutException>(error.InnerException);
        Assert.Contains("multi-get of 3 keys: 2 could not be read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MultiGet_OfWhichNothingCouldBeRead_FailsAsAGetDoes()
    {
        var rig = new Rig();
        MultiGetOperation get = rig.Submit(NewMultiGet("x", "a"));

        rig.AdvanceMs(10_001);

        Assert.IsType<KvTimeoutException>(get.Error);
    }

    [Fact]
    public void MultiGet_AnsweredWithNothingOrTooMuch_AsksAgain()
    {
        var rig = new Rig();
        MultiGetOperation get = rig.Submit(NewMultiGet("a"));
        Answer(rig, 1, rig.Expect(storeId: 1));
        Answer(rig, 1, rig.ExpectSoon(storeId: 1), "A", "B");
        Assert.False(get.IsCompleted);

        Answer(rig, 1, rig.ExpectSoon(storeId: 1), "A");

        Assert.Null(get.Error);
    }

    [Fact]
    public void MultiGet_OfThousandsOfKeysOfOneRegion_IsAskedInPortions()
    {
        var rig = new Rig();
        MultiGetOperation get = rig.Submit(NewMultiGet([.. Enumerable.Range(0, 2500).Select(i => $"a{i:d4}")]));

        int asked = 0;
        while (!get.IsCompleted)
        {
            Request request = rig.Expect(storeId: 1);
            Assert.InRange(request.MultiGet.Keys.Count, 1, 1024);
            asked += request.MultiGet.Keys.Count;
            Answer(rig, 1, request, [.. request.MultiGet.Keys.Select(key => key.ToStringUtf8())]);
        }

        Assert.Equal(2500, asked);
        Assert.All(get.Values, value => Assert.NotNull(value));
    }

    [Fact]
    public void MultiGet_OfNothing_SendsNothing()
    {
        var rig = new Rig();

        Assert.True(rig.Submit(NewMultiGet()) is { IsCompleted: true, Error: null });
        rig.ExpectNothing();
    }

    private static MultiGetOperation NewMultiGet(params string[] keys) =>
        new([.. keys.Select(key => new ReadOnlyMemory<byte>(Messages.Bytes(key)))]);

    private static void Answer(Rig rig, ulong storeId, Request request, params string?[] values)
    {
        var answer = new MultiGetResponse();
        answer.Results.AddRange(values.Select(value => new GetResult
        {
            Found = value is not null, Value = Utf8(value ?? ""), Revision = 1,
        }));
        rig.Reply(storeId, new Response { Id = request.Id, RegionTime = rig.RegionTime, MultiGet = answer });
    }

    private static void Reply(Rig rig, ulong storeId, Request request, WriteResult result) =>
        rig.Reply(storeId, new Response { Id = request.Id, RegionTime = rig.RegionTime, Write = result });

    private static Mutation PutIfAbsent(string key) =>
        new() { Kind = MutationKind.PutIfAbsent, Key = Utf8(key), Value = Utf8("mine") };

    private static Mutation Range(string start, string end) =>
        new() { Kind = MutationKind.DeleteRange, Key = Utf8(start), EndKey = Utf8(end) };

    private static ByteString Utf8(string text) => ByteString.CopyFromUtf8(text);
}
