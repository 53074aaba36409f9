using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

public sealed class BatchTests
{
    [Fact]
    public void Batch_OverTwoRegions_GoesOutInParallelAndReportsBothParts()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Batch(
            new WriteBatch().Put("x", "1").Put("a", "2").Delete("b").Put("y", "3")));

        Request left = rig.Expect(storeId: 1);
        Request right = rig.Expect(storeId: 2);
        Assert.Equal(["a", "b"], Keys(left));
        Assert.Equal(["x", "y"], Keys(right));
        Assert.NotEqual(left.Write.Identity.Sequence, right.Write.Identity.Sequence);
        rig.ReplyWrite(2, right, revision: 22);
        Assert.False(write.IsCompleted);
        rig.ReplyWrite(1, left, revision: 11);

        Assert.Null(write.Error);
        BatchResult result = write.ToResult();
        Assert.True(result.AllApplied);
        Assert.Equal([11ul, 22ul], result.Parts.Select(p => p.Revision));
        Assert.Equal([10ul, 20ul], result.Parts.Select(p => p.RegionId));
        Assert.Equal([2, 2], result.Parts.Select(p => p.MutationCount));
    }

    [Fact]
    public void Batch_OfWhichOnePartTimesOut_SaysWhichTookEffect()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Batch(new WriteBatch().Put("a", "1").Put("x", "2")));
        rig.ReplyWrite(1, rig.Expect(storeId: 1));
        rig.Expect(storeId: 2);

        rig.AdvanceMs(10_001);

        var error = Assert.IsType<KvBatchException>(write.Error);
        Assert.True(error.MaybeApplied);
        Assert.Equal(
            [BatchPartOutcome.Applied, BatchPartOutcome.Undetermined], error.Result.Parts.Select(p => p.Outcome));
        Assert.IsType<KvUndeterminedException>(error.Result.Parts[1].Error);
        Assert.Contains("1 applied, 0 not applied, 1 undetermined", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_OfWhichOnePartIsRefused_TheOtherStillTakesEffect()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Batch(new WriteBatch().Put("a", "1").Put("x", "2")));
        Request left = rig.Expect(storeId: 1);
        Request right = rig.Expect(storeId: 2);
        rig.ReplyError(1, left, new RegionError { InvalidRequest = new InvalidRequest { Field = "value" } });
        Assert.False(write.IsCompleted);

        rig.ReplyWrite(2, right);

        var error = Assert.IsType<KvBatchException>(write.Error);
        Assert.Equal(
            [BatchPartOutcome.NotApplied, BatchPartOutcome.Applied], error.Result.Parts.Select(p => p.Outcome));
        Assert.IsType<KvInvalidRequestException>(error.Result.Parts[0].Error);
    }

    [Fact]
    public void Batch_OfOneRegion_FailsWithThatPartsOwnError()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Batch(new WriteBatch().Put("a", "1").Put("b", "2")));
        rig.Expect(storeId: 1);

        rig.AdvanceMs(10_001);

        Assert.IsType<KvUndeterminedException>(write.Error);
    }

    [Fact]
    public void Part_WhoseRegionSplitAfterItWasSent_IsCutAndBothPiecesKeepTheIdentity()
    {
        var rig = new Rig();
        WriteOperation write = rig.Submit(WriteOperation.Batch(
            new WriteBatch().Put("a", "1").Put("c", "2").Put("e", "3").Put("g", "4")));
        Request whole = rig.Expect(storeId: 1);
        rig.RegionTime = 77_777;
        var error = new RegionError { EpochNotMatch = new EpochNotMatch() };
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(10, "", "d", leader: 1, version: 2));
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(11, "d", "m", leader: 3, version: 2));

        rig.ReplyError(1, whole, error);

        Request left = rig.Expect(storeId: 1);
        Request right = rig.Expect(storeId: 3);
        Assert.Equal(["a", "c"], Keys(left));
        Assert.Equal(["e", "g"], Keys(right));
        foreach (Request piece in new[] { left, right })
        {
            Assert.Equal(whole.Write.Identity.Sequence, piece.Write.Identity.Sequence);
            Assert.Equal(whole.Write.Identity.Stamp, piece.Write.Identity.Stamp);
        }

        rig.Put("b");
        Assert.Equal(1ul, rig.Expect(storeId: 1).Write.Identity.LowestUnacknowledged);
        rig.ReplyWrite(1, left);
        rig.Put("b");
        Assert.Equal(1ul, rig.Expect(storeId: 1).Write.Identity.LowestUnacknowledged);
        rig.ReplyWrite(3, right);
        rig.Put("b");
        Assert.Equal(2ul, rig.Expect(storeId: 1).Write.Identity.LowestUnacknowledged);
        Assert.Null(write.Error);
        Assert.Equal(2, write.ToResult().Parts.Count);
    }

    [Fact]
    public void Parts_WhoseRegionsMerged_StayApart()
    {
        var rig = new Rig();
        rig.Submit(WriteOperation.Batch(new WriteBatch().Put("a", "1").Put("x", "2")));
        Request left = rig.Expect(storeId: 1);
        Request right = rig.Expect(storeId: 2);
        var error = new RegionError { EpochNotMatch = new EpochNotMatch() };
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(10, "", "", leader: 1, version: 3));

        rig.ReplyError(2, right, error);
        Request rightAgain = rig.Expect(storeId: 1);
        rig.ReplyError(1, left, error);
        Request leftAgain = rig.Expect(storeId: 1);

        Assert.Equal(["x"], Keys(rightAgain));
        Assert.Equal(["a"], Keys(leftAgain));
        Assert.Equal(right.Write.Identity.Sequence, rightAgain.Write.Identity.Sequence);
        Assert.Equal(left.Write.Identity.Sequence, leftAgain.Write.Identity.Sequence);
    }

    [Fact]
    public void SameKeyTwice_KeepsTheOrderInWhichItWasAdded()
    {
        var rig = new Rig();
        var batch = new WriteBatch();
        for (int i = 0; i < 50; i++)
        {
            batch.Put("k", $"{i}").Put($"k{i % 7}", "x");
        }

        rig.Submit(WriteOperation.Batch(batch));

        Request request = rig.Expect(storeId: 1);
        var values = request.Write.Mutations
            .Where(m => m.Key.ToStringUtf8() == "k")
            .Select(m => m.Value.ToStringUtf8());
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}"), values);
    }

    [Fact]
    public void EmptyBatch_DoesNothing()
    {
        var rig = new Rig();

        WriteOperation write = rig.Submit(WriteOperation.Batch(new WriteBatch()));

        Assert.True(write.IsCompleted);
        Assert.Null(write.Error);
        Assert.Empty(write.ToResult().Parts);
        rig.ExpectNothing();
    }

    [Fact]
    public void Batch_OverThousandsOfRegions_IsCutWithoutDeepRecursion()
    {
        var rig = new Rig { Routes = [] };
        var batch = new WriteBatch();
        for (int i = 0; i < 5000; i++)
        {
            string start = i == 0 ? "" : $"{i:d5}";
            string end = i == 4999 ? "" : $"{i + 1:d5}";
            rig.Routes.Add(Messages.Route((ulong)i + 10, start, end, leader: 1 + ((ulong)i % 3)));
            batch.Put($"{i:d5}x", "v");
        }

        WriteOperation write = rig.Submit(WriteOperation.Batch(batch));
        int answered = 0;
        while (!write.IsCompleted && answered < 5000)
        {
            (string address, Request request) = rig.ExpectAnySoon();
            rig.ReplyWrite(RegionErrorTests.StoreOf(address), request);
            answered++;
        }

        Assert.Null(write.Error);
        Assert.Equal(5000, write.ToResult().Parts.Count);
    }

    private static List<string> Keys(Request request) => [.. request.Write.Mutations.Select(m => m.Key.ToStringUtf8())];
}
