using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>Stores that are gone, silent or slow; windows; placement that moves or is away.</summary>
public sealed class StoreFailureTests
{
    [Fact]
    public void Disconnect_OfTheLeader_AsksAnotherPeerAtOnce()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");
        rig.Expect(storeId: 1);

        rig.Disconnect(1);

        (string address, Request second) = rig.ExpectAnySoon(withinMs: 1);
        Assert.NotEqual(Messages.Address(1), address);
        rig.ReplyGet(RegionErrorTests.StoreOf(address), second, "x");
        Assert.True(get.Found);
    }

    [Fact]
    public void DeadLeader_NamedByFollowersUntilTheyElect_IsOnlyProbedNowAndThen()
    {
        var rig = new Rig();
        GetOperation get = rig.Get("a");
        rig.Expect(storeId: 1);
        rig.Disconnect(1);
        int probes = 0;
        int asked = 0;
        long until = rig.Clock.Ms + 2000;
        while (rig.Clock.Ms < until)
        {
            (string address, Request request) = rig.ExpectAnySoon();
            if (address == Messages.Address(1))
            {
                probes++;
                rig.RefuseLast();
            }
            else
            {
                asked++;
                rig.ReplyError(RegionErrorTests.StoreOf(address), request, RegionErrorTests.NotLeader(10, leader: 1));
            }
        }

        Assert.InRange(probes, 1, 12);
        Assert.InRange(asked, 20, 200);
        Assert.False(get.IsCompleted);
    }

    [Fact]
    public void SilentStore_IsLeftAfterOneAttemptAndOthersAreNotHeldUp()
    {
        var rig = new Rig();
        GetOperation stuck = rig.Get("a");
        rig.Expect(storeId: 1);
        GetOperation other = rig.Get("z");
        rig.ReplyGet(2, rig.Expect(storeId: 2), "free");
        Assert.True(other.Found);

        rig.AdvanceMs(1500);

        (string address, Request retry) = rig.ExpectAnySoon(withinMs: 10);
        Assert.NotEqual(Messages.Address(1), address);
        rig.ReplyGet(RegionErrorTests.StoreOf(address), retry, "moved");
        Assert.True(stuck.Found);
        rig.Get("b");
        (string next, _) = rig.ExpectAnySoon(withinMs: 1);
        Assert.NotEqual(Messages.Address(1), next);
    }

    /// <summary>
    /// One call at a time tries a store that does not answer; how often it has waited before must not make the trial
    /// longer, or nobody finds out that the store is back.
    /// </summary>
    [Fact]
    public void SilentLeader_IsTriedAgainAfterEachAttemptTimeHoweverOftenTheCallHasWaited()
    {
        var rig = new Rig(new KvClientOptions
        {
            Seeds = [Messages.Address(1)],
            OperationTimeout = TimeSpan.FromSeconds(60),
        });
        rig.Get("a");
        int tries = 0;
        long until = rig.Clock.Ms + 15_000;
        while (rig.Clock.Ms < until)
        {
            (string address, Request request) = rig.ExpectAnySoon(withinMs: 3_000);
            if (address == Messages.Address(1))
            {
                tries++;
            }
            else
            {
                rig.ReplyError(RegionErrorTests.StoreOf(address), request, RegionErrorTests.NotLeader(10, leader: 1));
            }
        }

        // Each takes 1.5 s, and at most 1 s passes before the next.
        Assert.InRange(tries, 6, 12);
    }

    [Fact]
    public void FullWindowOfADeadStore_DoesNotHoldUpOtherStores()
    {
        var rig = new Rig(new KvClientOptions { Seeds = [Messages.Address(1)], InFlightPerStoreMax = 2 });
        rig.Get("a");
        for (int i = 0; i < 10; i++)
        {
            rig.Get("b");
        }

        rig.Expect(storeId: 1);
        rig.Expect(storeId: 1);
        rig.ExpectNothing();

        rig.Get("z");

        rig.Expect(storeId: 2);
    }

    [Fact]
    public void Window_IsNeverExceededAndFillsAgainAsAnswersCome()
    {
        var rig = new Rig(new KvClientOptions { Seeds = [Messages.Address(1)], InFlightPerStoreMax = 4 });
        var gets = new List<GetOperation>();
        for (int i = 0; i < 20; i++)
        {
            gets.Add(rig.Get("a"));
        }

        for (int i = 0; i < 20; i++)
        {
            Assert.InRange(rig.WaitingCount, 1, 4);
            rig.ReplyGet(1, rig.Expect(storeId: 1), "x");
        }

        Assert.All(gets, get => Assert.True(get.Found));
        Assert.Equal(0, rig.Pump.OutstandingCount);
    }

    [Fact]
    public void OperationsMax_OneMoreIsRefusedAndRoomComesBack()
    {
        var rig = new Rig(new KvClientOptions { Seeds = [Messages.Address(1)], OperationsMax = 3 });
        rig.Get("a");
        rig.Get("a");
        rig.Get("a");

        var refused = Assert.IsType<KvUnavailableException>(rig.Get("a").Error);

        Assert.Contains("OperationsMax", refused.Message, StringComparison.Ordinal);
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");
        Assert.Null(rig.Get("a").Error);
    }

    [Fact]
    public void ManyOperationsAtOnce_ShareMessagesWithinTheirLimits()
    {
        var rig = new Rig();
        rig.Get("a");
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");
        rig.SentMessages.Clear();

        for (int i = 0; i < 600; i++)
        {
            rig.Pump.Submit(new GetOperation(Messages.Bytes("a")));
        }

        byte[] large = new byte[400_000];
        for (int i = 0; i < 5; i++)
        {
            rig.Pump.Submit(WriteOperation.Put("b"u8, large));
        }

        rig.Run();

        Assert.Equal(605, rig.SentMessages.Sum(m => m.Message.Requests.Count));
        Assert.All(rig.SentMessages, m => Assert.InRange(m.Message.Requests.Count, 1, 256));
        Assert.All(rig.SentMessages, m => Assert.InRange(m.Message.CalculateSize(), 1, 1024 * 1024));
        Assert.InRange(rig.SentMessages.Count, 4, 7);
    }

    [Fact]
    public void AttemptTimeout_OfASlowStoreThatAnswersOthers_KeepsAskingItWithLongerPatience()
    {
        var rig = new Rig();
        WriteOperation put = rig.Put("a");
        Request first = rig.Expect(storeId: 1);
        rig.AdvanceMs(1000);
        rig.Get("b");
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");
        rig.AdvanceMs(500);
        (string address, Request second) = rig.ExpectAnySoon(withinMs: 10);
        Assert.Equal(first.Write.Identity.Sequence, second.Write.Identity.Sequence);
        if (address != Messages.Address(1))
        {
            rig.ReplyError(RegionErrorTests.StoreOf(address), second, RegionErrorTests.NotLeader(10, leader: 1));
            second = rig.ExpectSoon(storeId: 1);
        }

        rig.AdvanceMs(2900);
        rig.ExpectNothing();
        rig.ReplyWrite(1, second);
        Assert.Null(put.Error);
    }

    [Fact]
    public void Placement_AwayWhileRegionsAreKnown_IsNotMissed()
    {
        var rig = new Rig();
        rig.Get("a");
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");
        rig.AnswersRoutes = false;

        GetOperation get = rig.Get("b");
        rig.ReplyError(1, rig.Expect(storeId: 1), RegionErrorTests.NotLeader(10, leader: 0));
        while (!get.IsCompleted)
        {
            (string address, Request request) = rig.ExpectAnySoon();
            if (request.Routes is not null)
            {
                rig.ReplyError(
                    RegionErrorTests.StoreOf(address),
                    request,
                    new RegionError { NotPlacementLeader = new NotPlacementLeader() });
            }
            else
            {
                rig.ReplyGet(RegionErrorTests.StoreOf(address), request, "y");
            }
        }

        Assert.True(get.Found);
    }

    [Fact]
    public void SlowLookup_IsAskedElsewhereWithoutLeavingTheStore()
    {
        var rig = new Rig();
        rig.Get("a");
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");
        rig.AnswersRoutes = false;
        rig.Submit(new RoutesOperation());
        Assert.NotNull(rig.Expect(storeId: 1).Routes);

        rig.AdvanceMs(501);

        (string address, Request elsewhere) = rig.ExpectAnySoon(withinMs: 1);
        Assert.NotNull(elsewhere.Routes);
        Assert.NotEqual(Messages.Address(1), address);
        rig.Get("a");
        rig.Expect(storeId: 1);
    }

    [Fact]
    public void NotPlacementLeader_WithTheStoreToAsk_AsksItNext()
    {
        var rig = new Rig { AnswersRoutes = false };
        rig.Get("a");
        Request first = rig.Expect(storeId: 1);
        Assert.NotNull(first.Routes);

        rig.ReplyError(1, first, new RegionError
        {
            NotPlacementLeader = new NotPlacementLeader { LeaderStore = Messages.Store(3) },
        });

        Request second = rig.Expect(storeId: 3);
        Assert.NotNull(second.Routes);
        var answer = new RoutesResponse { RegionTime = 5 };
        answer.Stores.Add(Messages.Store(1));
        answer.Routes.Add(Messages.Route(10, "", "", leader: 1));
        rig.Reply(3, new Response { Id = second.Id, Routes = answer });
        Assert.NotNull(rig.Expect(storeId: 1).Get);
    }

    [Fact]
    public void DeadSeeds_AreAllTriedAndTheErrorNamesTheLast()
    {
        var rig = new Rig(new KvClientOptions { Seeds = ["s1:1", "s2:1", "s3:1"] }) { AnswersRoutes = false };
        var lookup = rig.Submit(new RoutesOperation { TimeoutMs = 500 });
        var asked = new HashSet<string>(StringComparer.Ordinal);
        while (!lookup.IsCompleted)
        {
            if (rig.WaitingCount > 0)
            {
                asked.Add(rig.ExpectAnySoon().Address);
                rig.RefuseLast("connection refused");
            }
            else
            {
                rig.AdvanceMs(1);
            }
        }

        Assert.Equal(["s1:1", "s2:1", "s3:1"], asked.Order(StringComparer.Ordinal));
        var error = Assert.IsType<KvTimeoutException>(lookup.Error);
        Assert.Contains("connection refused", error.Message, StringComparison.Ordinal);
        Assert.Contains("placement", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StoreThatMoved_IsFoundAtItsNewAddressAndAnOlderIncarnationIsIgnored()
    {
        var rig = new Rig();
        rig.Get("a");
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");
        RegionError error = RegionErrorTests.NotLeader(10, leader: 3);
        error.NotLeader.LeaderStore = Messages.Store(3, incarnation: 5);
        error.NotLeader.LeaderStore.ClientAddress = "elsewhere:9";
        rig.Get("a");
        rig.ReplyError(1, rig.Expect(storeId: 1), error);
        Request moved = rig.ExpectSoon("elsewhere:9");
        rig.Reply("elsewhere:9", new Response { Id = moved.Id, Get = new GetResult() });

        rig.Submit(new RoutesOperation());
        rig.Get("a");

        rig.ExpectSoon("elsewhere:9");
    }

    [Fact]
    public void LookupsForManyKeysAtOnce_AreOneLookup()
    {
        var rig = new Rig();
        for (int i = 0; i < 100; i++)
        {
            rig.Pump.Submit(new GetOperation(Messages.Bytes($"key{i}")));
        }

        rig.Run();

        Assert.Equal(1, rig.LookupCount);
        Assert.Equal(100, rig.WaitingCount);
    }

    [Fact]
    public void NothingToDo_AsksForNoTime()
    {
        var rig = new Rig();
        rig.Get("a");
        rig.ReplyGet(1, rig.Expect(storeId: 1), "x");

        rig.AdvanceMs(20_000);

        Assert.Equal(Base.Instant.Never, rig.Pump.NextDue);
        Assert.False(rig.Pump.RunOnce());
    }
}
