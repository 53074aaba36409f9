using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>The client's side of the Once law.</summary>
public sealed class WriteIdentityTests
{
    [Fact]
    public void FirstWrite_IsStampedWithTheRegionTimeOfTheFirstLookup()
    {
        var rig = new Rig { RegionTime = 4711 };

        rig.Put("a");

        WriteIdentity identity = rig.Expect(storeId: 1).Write.Identity;
        Assert.Equal(4711ul, identity.Stamp);
        Assert.Equal(1ul, identity.Sequence);
        Assert.Equal(1ul, identity.LowestUnacknowledged);
        Assert.Equal(16, identity.Session.Length);
    }

    [Theory]
    [InlineData("disconnect")]
    [InlineData("timeout")]
    [InlineData("notLeader")]
    [InlineData("busy")]
    [InlineData("notSent")]
    public void Retry_AfterAnyFailure_KeepsSequenceAndStamp(string failure)
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        Request first = rig.Expect(storeId: 1);
        rig.RegionTime = 999_999;
        switch (failure)
        {
            case "disconnect":
                rig.Disconnect(1);
                break;
            case "timeout":
                rig.AdvanceMs(1501);
                break;
            case "notLeader":
                rig.ReplyError(1, first, RegionErrorTests.NotLeader(10, leader: 0));
                break;
            case "busy":
                rig.ReplyError(1, first, new RegionError { ServerIsBusy = new ServerIsBusy() });
                break;
            default:
                rig.RefuseLast();
                break;
        }

        (string address, Request second) = rig.ExpectAnySoon();

        Assert.Equal(first.Write.Identity.Session, second.Write.Identity.Session);
        Assert.Equal(first.Write.Identity.Sequence, second.Write.Identity.Sequence);
        Assert.Equal(first.Write.Identity.Stamp, second.Write.Identity.Stamp);
        rig.ReplyWrite(RegionErrorTests.StoreOf(address), second, revision: 31);
        Assert.Null(put.Error);
        Assert.Equal(31ul, put.Revision);
    }

    [Fact]
    public void NextWrite_IsStampedWithTheNewestRegionTimeSeen()
    {
        var rig = new Rig { RegionTime = 100 };
        rig.Put("a");
        rig.RegionTime = 500;
        rig.ReplyWrite(1, rig.Expect(storeId: 1));
        rig.RegionTime = 300;
        rig.Get("b");
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");

        rig.Put("a");

        Assert.Equal(500ul, rig.Expect(storeId: 1).Write.Identity.Stamp);
    }

    [Fact]
    public void StampTooOld_OnAWriteNeverExecuted_IsStampedAnewUnderTheSameSequence()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        Request first = rig.Expect(storeId: 1);

        rig.ReplyError(1, first, new RegionError { StampTooOld = new StampTooOld { Floor = 8000, RegionTime = 9000 } });

        Request second = rig.Expect(storeId: 1);
        Assert.Equal(first.Write.Identity.Sequence, second.Write.Identity.Sequence);
        Assert.Equal(9000ul, second.Write.Identity.Stamp);
        rig.ReplyWrite(1, second);
        Assert.Null(put.Error);
    }

    /// <summary>
    /// Another region's leader has a wall clock that is hours ahead: its time is the newest seen, and this region
    /// refuses it as no honest stamp.
    /// </summary>
    [Fact]
    public void StampRefused_RegionsTimeIsBehindTheStamp_IsStampedWithTheRegionsOwnTime()
    {
        var rig = new Rig { RegionTime = 50_000_000_000 };
        WriteOperation put = rig.Put("a");
        Request first = rig.Expect(storeId: 1);
        Assert.Equal(50_000_000_000ul, first.Write.Identity.Stamp);

        rig.ReplyError(1, first, new RegionError { StampTooOld = new StampTooOld { Floor = 8000, RegionTime = 9000 } });

        Request second = rig.Expect(storeId: 1);
        Assert.Equal(9000ul, second.Write.Identity.Stamp);
        rig.ReplyWrite(1, second);
        Assert.Null(put.Error);
    }

    [Fact]
    public void StampTooOld_OnAWriteInDoubt_IsUndeterminedAndNeverSentAgain()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        rig.Expect(storeId: 1);
        rig.Disconnect(1);
        (string address, Request second) = rig.ExpectAnySoon();

        rig.ReplyError(
            RegionErrorTests.StoreOf(address),
            second,
            new RegionError { StampTooOld = new StampTooOld { RegionTime = 9000 } });

        Assert.IsType<KvUndeterminedException>(put.Error);
        rig.AdvanceMs(3000);
        rig.ExpectNothing();
    }

    [Fact]
    public void InvalidRequest_OnAWriteInDoubt_IsUndetermined()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        Request first = rig.Expect(storeId: 1);
        RegionError lost = RegionErrorTests.NotLeader(10, leader: 0);
        lost.MaybeApplied = true;
        rig.ReplyError(1, first, lost);
        (string address, Request second) = rig.ExpectAnySoon();

        rig.ReplyError(
            RegionErrorTests.StoreOf(address),
            second,
            new RegionError { InvalidRequest = new InvalidRequest { Field = "key" } });

        Assert.IsType<KvUndeterminedException>(put.Error);
    }

    [Fact]
    public void LowestUnacknowledged_RisesOnlyPastWritesThatAreOver()
    {
        var rig = new Rig();
        rig.Put("a");
        rig.Put("b");
        rig.Put("c");
        Request a = rig.Expect(storeId: 1);
        Request b = rig.Expect(storeId: 1);
        Request c = rig.Expect(storeId: 1);
        ulong[] sequences = [.. new[] { a, b, c }.Select(r => r.Write.Identity.Sequence)];
        Assert.Equal([1ul, 2ul, 3ul], sequences);

        rig.ReplyWrite(1, b);
        rig.Put("d");
        Request d = rig.Expect(storeId: 1);
        Assert.Equal(1ul, d.Write.Identity.LowestUnacknowledged);

        rig.ReplyWrite(1, a);
        rig.Put("e");
        Assert.Equal(3ul, rig.Expect(storeId: 1).Write.Identity.LowestUnacknowledged);
    }

    [Fact]
    public void Timeout_OfAWriteNeverSent_IsATimeout()
    {
        var rig = new Rig { RefusesAllButLookups = true };
        WriteOperation put = rig.Submit(WriteOperation.Put("a"u8, "v"u8, timeoutMs: 400));
        rig.AdvanceMs(500);

        var error = Assert.IsType<KvTimeoutException>(put.Error);
        Assert.False(error.MaybeApplied);
        Assert.Contains("connection refused", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Timeout_OfAWriteUnderWay_IsUndeterminedAndSaysWhatWasSpent()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        rig.Expect(storeId: 1);
        rig.Disconnect(1);

        rig.AdvanceMs(10_001);

        var error = Assert.IsType<KvUndeterminedException>(put.Error);
        Assert.True(error.MaybeApplied);
        Assert.Contains("timed out after 10000 ms", error.Message, StringComparison.Ordinal);
        Assert.Contains("unanswered", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancel_OfAWriteUnderWay_IsUndetermined()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        rig.Expect(storeId: 1);

        put.Cancel();
        rig.Run();

        var error = Assert.IsType<KvUndeterminedException>(put.Error);
        Assert.IsType<OperationCanceledException>(error.InnerException);
    }

    [Fact]
    public void Cancel_OfAWriteRefusedForCertain_IsACancellation()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        rig.ReplyError(
            1, rig.Expect(storeId: 1), new RegionError { ServerIsBusy = new ServerIsBusy { RetryAfterMs = 500 } });

        put.Cancel();
        rig.Run();

        Assert.IsType<OperationCanceledException>(put.Error);
        rig.AdvanceMs(2000);
        rig.ExpectNothing();
    }

    [Fact]
    public void Cancel_OfARead_IsACancellationAndItsLateAnswerIsIgnored()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");
        Request request = rig.Expect(storeId: 1);

        get.Cancel();
        rig.Run();
        rig.ReplyGet(1, request, "late");

        Assert.IsType<OperationCanceledException>(get.Error);
        Assert.False(get.Found);
    }

    [Fact]
    public void Close_EndsWritesThatWereSentAsUndeterminedAndOthersAsUnavailable()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        GetOperation get = rig.Get("a");

        rig.Pump.Close(new KvUnavailableException("the client was closed"));
        rig.Run();

        Assert.IsType<KvUndeterminedException>(put.Error);
        Assert.IsType<KvUnavailableException>(get.Error);
        Assert.IsType<KvUnavailableException>(rig.Get("b").Error);
        Assert.Equal(0, rig.Pump.OutstandingCount);
    }

    [Fact]
    public void RequestTimeout_IsWhatIsLeftOfTheBudget()
    {
        var rig = new Rig();
        rig.Put("a");
        Request first = rig.Expect(storeId: 1);
        Assert.Equal(10_000u, first.TimeoutMs);

        rig.ReplyError(
            1, first, new RegionError { ServerIsBusy = new ServerIsBusy { RetryAfterMs = 500 } });

        Assert.InRange(rig.ExpectSoon(storeId: 1).TimeoutMs, 9_300u, 9_500u);
    }
}
