using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>Each kind of region error and what the client does about it.</summary>
public sealed class RegionErrorTests
{
    [Fact]
    public void NotLeader_WithLeader_GoesThereAtOnce()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");
        Request first = rig.Expect(storeId: 1);

        rig.ReplyError(1, first, NotLeader(region: 10, leader: 3));

        Request second = rig.Expect(storeId: 3);
        Assert.NotEqual(first.Id, second.Id);
        rig.ReplyGet(3, second, "x");
        Assert.Equal("x"u8.ToArray(), get.Value.ToArray());
    }

    [Fact]
    public void NotLeader_WithLeader_IsRememberedForTheNextOperation()
    {
        var rig = new Rig();
        rig.Get("a");
        rig.ReplyError(1, rig.Expect(storeId: 1), NotLeader(region: 10, leader: 3));
        rig.ReplyGet(3, rig.Expect(storeId: 3), "x");

        rig.Get("b");

        rig.Expect(storeId: 3);
    }

    [Fact]
    public void NotLeader_WithAddressOfALeaderUnknownBefore_LearnsTheStore()
    {
        var rig = new Rig();
        rig.Get("a");
        RegionError error = NotLeader(region: 10, leader: 9);
        error.NotLeader.LeaderStore = Messages.Store(9);

        rig.ReplyError(1, rig.Expect(storeId: 1), error);

        rig.Expect(storeId: 9);
    }

    [Fact]
    public void NotLeader_WithoutLeader_AsksAnotherPeerAfterAShortWait()
    {
        var rig = new Rig();
        rig.Get("a");

        rig.ReplyError(1, rig.Expect(storeId: 1), NotLeader(region: 10, leader: 0));

        rig.ExpectNothing();
        (string address, _) = rig.ExpectAnySoon(withinMs: 10);
        Assert.NotEqual(Messages.Address(1), address);
    }

    [Fact]
    public void NotLeader_TwoStoresPointAtEachOther_WaitsInBetween()
    {
        var rig = new Rig();
        rig.Get("a");
        ulong at = 1;
        for (int i = 0; i < 50; i++)
        {
            Request request = rig.ExpectSoon(at);
            ulong other = at == 1 ? 2ul : 1ul;
            rig.ReplyError(at, request, NotLeader(region: 10, leader: other));
            at = other;
        }

        Assert.InRange(rig.Clock.Ms, 1100, 4000);
    }

    [Fact]
    public void NotLeader_ForSeconds_NewLeaderIsNoticedWithinATenthOfASecond()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");
        long until = rig.Clock.Ms + 3000;
        long lastAsked = rig.Clock.Ms;
        long longestPause = 0;
        while (rig.Clock.Ms < until)
        {
            (string address, Request request) = rig.ExpectAnySoon();
            longestPause = Math.Max(longestPause, rig.Clock.Ms - lastAsked);
            lastAsked = rig.Clock.Ms;
            rig.ReplyError(StoreOf(address), request, NotLeader(region: 10, leader: 0));
        }

        Assert.InRange(longestPause, 25, 101);
        (string last, Request lastRequest) = rig.ExpectAnySoon();
        rig.ReplyGet(StoreOf(last), lastRequest, "x");
        Assert.True(get.Found);
    }

    [Fact]
    public void EpochNotMatch_WithCurrentRegions_GoesOnWithoutALookup()
    {
        var rig = new Rig();
        rig.Get("k");
        Request first = rig.Expect(storeId: 1);
        int lookups = rig.LookupCount;
        var error = new RegionError { EpochNotMatch = new EpochNotMatch() };
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(10, "", "g", leader: 1, version: 2));
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(11, "g", "m", leader: 3, version: 2));

        rig.ReplyError(1, first, error);

        Request second = rig.Expect(storeId: 3);
        Assert.Equal(11ul, second.RegionId);
        Assert.Equal(2ul, second.Version);
        Assert.Equal(lookups, rig.LookupCount);
    }

    [Fact]
    public void EpochNotMatch_FromAStoreThatLagsBehind_KeepsTheNewerRegion()
    {
        var rig = new Rig { Routes = [Messages.Route(10, "", "", leader: 1, version: 5)] };
        rig.Get("k");
        Request first = rig.Expect(storeId: 1);
        var error = new RegionError { EpochNotMatch = new EpochNotMatch() };
        error.EpochNotMatch.CurrentRegions.Add(Messages.Route(10, "", "m", leader: 2, version: 4));

        rig.ReplyError(1, first, error);

        (_, Request second) = rig.ExpectAnySoon();
        Assert.Equal(5ul, second.Version);
    }

    [Fact]
    public void RegionNotFound_LooksTheRegionUpAndFollowsItToItsNewStores()
    {
        var rig = new Rig();
        rig.Get("a");
        Request first = rig.Expect(storeId: 1);
        rig.Routes = [Messages.Route(10, "", "m", leader: 3, version: 1, confVersion: 2, term: 2)];
        int lookups = rig.LookupCount;

        rig.ReplyError(1, first, new RegionError { RegionNotFound = new RegionNotFound { RegionId = 10 } });

        Request second = rig.ExpectSoon(storeId: 3);
        Assert.Equal(10ul, second.RegionId);
        Assert.Equal(lookups + 1, rig.LookupCount);
    }

    [Fact]
    public void RegionNotFound_EverywhereAndAnOlderRouteAtPlacement_BelievesPlacementInTheEnd()
    {
        var rig = new Rig { Routes = [Messages.Route(10, "", "", leader: 1, version: 5)] };
        GetOperation get = rig.Get("a");
        (string address, Request request) = rig.ExpectAnySoon();
        rig.Routes = [Messages.Route(30, "", "", leader: 2, version: 3)];
        for (int i = 0; request.RegionId == 10 && i < 20; i++)
        {
            rig.ReplyError(
                StoreOf(address), request, new RegionError { RegionNotFound = new RegionNotFound { RegionId = 10 } });
            (address, request) = rig.ExpectAnySoon();
        }

        Assert.Equal(30ul, request.RegionId);
        Assert.False(get.IsCompleted);
    }

    [Fact]
    public void KeyNotInRegion_WithTheRightRegion_GoesThereAtOnce()
    {
        var rig = new Rig();
        rig.Get("k");
        Request first = rig.Expect(storeId: 1);
        var error = new RegionError
        {
            KeyNotInRegion = new KeyNotInRegion { Region = Messages.Route(11, "g", "m", leader: 2, version: 2) },
        };

        rig.ReplyError(1, first, error);

        Assert.Equal(11ul, rig.Expect(storeId: 2).RegionId);
    }

    [Fact]
    public void ServerIsBusy_WaitsAsLongAsTheStoreSaysAndAsksItAgain()
    {
        var rig = new Rig();
        rig.Get("a");
        Request first = rig.Expect(storeId: 1);
        long asked = rig.Clock.Ms;

        rig.ReplyError(1, first, new RegionError { ServerIsBusy = new ServerIsBusy { RetryAfterMs = 200 } });

        rig.ExpectSoon(storeId: 1);
        Assert.InRange(rig.Clock.Ms - asked, 200, 260);
    }

    [Fact]
    public void ServerIsBusy_UntilTheBudgetIsSpent_FailsNamingTheReason()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        while (!put.IsCompleted)
        {
            (string address, Request request) = rig.ExpectAnySoon(withinMs: 3000);
            rig.ReplyError(StoreOf(address), request, new RegionError
            {
                Message = "proposals are waiting: 4096 of 4096",
                ServerIsBusy = new ServerIsBusy { RetryAfterMs = 1900 },
            });
            if (rig.Clock.Ms > 9000)
            {
                rig.AdvanceMs(2500);
            }
        }

        var error = Assert.IsType<KvTimeoutException>(put.Error);
        Assert.False(error.MaybeApplied);
        Assert.Contains("put of key \"a\" timed out after 10000 ms", error.Message, StringComparison.Ordinal);
        Assert.Contains("serverBusy", error.Message, StringComparison.Ordinal);
        Assert.Contains("proposals are waiting: 4096 of 4096", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LogFull_BacksOffAndTheErrorNamesIt()
    {
        var rig = new Rig();
        WriteOperation put = rig.Submit(LimitedPut("a", timeoutMs: 50));
        for (int i = 0; i < 3 && !put.IsCompleted; i++)
        {
            rig.ReplyError(1, rig.ExpectSoon(storeId: 1), new RegionError
            {
                Message = "the raft log holds 2 GiB of at most 2 GiB",
                LogFull = new LogFull(),
            });
        }

        rig.AdvanceMs(100);

        var error = Assert.IsType<KvTimeoutException>(put.Error);
        Assert.Contains("the raft log holds 2 GiB", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void InvalidRequest_FailsAtOnceNamingTheField()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");

        rig.ReplyError(1, rig.Expect(storeId: 1), new RegionError
        {
            Message = "the value has 2 MiB, the limit is 1 MiB",
            InvalidRequest = new InvalidRequest { Field = "value" },
        });

        var error = Assert.IsType<KvInvalidRequestException>(put.Error);
        Assert.Equal("value", error.Argument);
        Assert.Contains("the limit is 1 MiB", error.Message, StringComparison.Ordinal);
        rig.ExpectNothing();
    }

    [Fact]
    public void NotReady_AsksAnotherStore()
    {
        var rig = new Rig();
        rig.Get("a");

        rig.ReplyError(1, rig.Expect(storeId: 1), new RegionError { NotReady = new NotReady() });

        (string address, _) = rig.ExpectAnySoon(withinMs: 10);
        Assert.NotEqual(Messages.Address(1), address);
    }

    [Fact]
    public void DeadlineExceeded_BeforeTheBudgetIsSpent_IsTriedAgain()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");

        rig.ReplyError(1, rig.Expect(storeId: 1), new RegionError { DeadlineExceeded = new DeadlineExceeded() });

        rig.ReplyWrite(1, rig.ExpectSoon(storeId: 1));
        Assert.Null(put.Error);
    }

    [Fact]
    public void UnknownKind_IsRetriedWithALookup()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");
        Request first = rig.Expect(storeId: 1);
        int lookups = rig.LookupCount;

        rig.ReplyError(1, first, new RegionError { Message = "something new" });

        (string address, Request second) = rig.ExpectAnySoon();
        Assert.Equal(lookups + 1, rig.LookupCount);
        rig.ReplyGet(StoreOf(address), second, "x");
        Assert.True(get.Found);
    }

    [Fact]
    public void Undetermined_OnAWriteThatTheStoreForgot_IsHandedToTheCaller()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");

        rig.ReplyError(
            1, rig.Expect(storeId: 1), new RegionError { Undetermined = new Undetermined { Reason = "gone" } });

        Assert.IsType<KvUndeterminedException>(put.Error);
        rig.AdvanceMs(2000);
        rig.ExpectNothing();
    }

    [Fact]
    public void Undetermined_OnARead_IsAskedAgain()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");

        rig.ReplyError(1, rig.Expect(storeId: 1), new RegionError { Undetermined = new Undetermined() });

        (string address, Request second) = rig.ExpectAnySoon();
        rig.ReplyGet(StoreOf(address), second, value: null);
        Assert.Null(get.Error);
        Assert.False(get.Found);
    }

    [Fact]
    public void AnAnswerOfTheWrongKind_IsTriedAgain()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");
        Request first = rig.Expect(storeId: 1);

        rig.Reply(1, new Response { Id = first.Id, Write = new WriteResult() });

        rig.ReplyGet(1, rig.ExpectSoon(storeId: 1), "x");
        Assert.True(get.Found);
    }

    [Fact]
    public void ScanPage_WithAnErrorInside_IsTreatedLikeAnyError()
    {
        var rig = new Rig();
        rig.Submit(new ScanPageOperation { Start = default, End = default });
        Request first = rig.Expect(storeId: 1);

        rig.Reply(1, new Response
        {
            Id = first.Id,
            Scan = new ScanResponse { RegionError = NotLeader(region: 10, leader: 2) },
        });

        rig.Expect(storeId: 2);
    }

    internal static RegionError NotLeader(ulong region, ulong leader) => new()
    {
        Message = "not the leader",
        NotLeader = new NotLeader
        {
            RegionId = region,
            Leader = leader == 0 ? null : new Peer { Id = (100 * region) + leader, StoreId = leader },
        },
    };

    internal static ulong StoreOf(string address) =>
        ulong.Parse(address["store".Length..^2], System.Globalization.CultureInfo.InvariantCulture);

    private static WriteOperation LimitedPut(string key, int timeoutMs) =>
        WriteOperation.Put(Messages.Bytes(key), Messages.Bytes("v"), timeoutMs);
}
