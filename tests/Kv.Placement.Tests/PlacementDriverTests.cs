using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using static Kv.Placement.Tests.DriverWorld;

namespace Kv.Placement.Tests;

public class PlacementDriverTests
{
    [Fact]
    public void DriverThatDoesNotLead_NamesTheStoreThatDoes()
    {
        var world = new DriverWorld();
        world.Driver.OnLeaderHint(Info(2));
        RoutesResponse answer = world.AskKey("a");
        Assert.Equal(2UL, answer.RegionError.NotPlacementLeader.LeaderStore.Id);
    }

    [Fact]
    public void NewLeader_AsksEveryStoreForAFullReport_AndRepeatsUntilItHasOne()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        Assert.Equal([1UL, 2UL, 3UL],
            world.Sent.Where(static s => s.Orders.ReportAll).Select(static s => s.Store.Value));
        world.Sent.Clear();
        world.Report(2, full: false, stopping: false);
        Assert.True(Assert.Single(world.Sent).Orders.ReportAll);
        world.Sent.Clear();
        world.Report(2, full: true, stopping: false);
        PlacementOrders orders = Assert.Single(world.Sent).Orders;
        Assert.False(orders.ReportAll);
        Assert.Equal(2UL, orders.ReportAcknowledged);
        Assert.Equal(3, orders.Stores.Count);
    }

    [Fact]
    public void UnknownRegion_BeforeAllHaveReported_IsNotYetKnown_AndNothingIsScheduled()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        RegionReport[] first = [Region(10, "", "m", 1), Region(11, "m", "t", 1), Region(12, "t", "", 1)];
        world.Report(1, full: true, stopping: false, first[0]);
        world.Report(2, full: true, stopping: false, first);
        world.AdvanceMs(3_000);
        Assert.Empty(world.TakeTransfers());
        Assert.Equal(10UL, Assert.Single(world.AskKey("a").Routes).Region.Id);
        RoutesResponse one = world.Ask(new RoutesRequest { RegionId = 99 });
        Assert.NotNull(one.RegionError.NotReady);
        Assert.Equal("region 99 is not yet known", one.RegionError.Message);

        world.Report(3, full: true, stopping: false, first);
        world.AdvanceMs(1_100);
        Assert.NotEmpty(world.TakeTransfers());
        Assert.NotNull(world.Ask(new RoutesRequest { RegionId = 99 }).RegionError.RegionNotFound);
    }

    [Fact]
    public void SilentStore_HoldsUpSchedulingForOneLease_NotLonger()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        RegionReport[] regions =
            [Region(10, "", "g", 1), Region(11, "g", "m", 1), Region(12, "m", "t", 1), Region(13, "t", "", 1)];
        for (int second = 0; second < 9; second++)
        {
            world.Report(1, full: true, stopping: false, regions);
            world.Report(2, full: true, stopping: false, regions);
            world.AdvanceMs(1_000);
            Assert.Empty(world.TakeTransfers());
        }

        world.Report(1, full: true, stopping: false, regions);
        world.Report(2, full: true, stopping: false, regions);
        world.AdvanceMs(2_100);
        List<(StoreId Store, TransferOrder Order)> transfers = world.TakeTransfers();
        Assert.Equal(2, transfers.Count);
        Assert.All(transfers, static t => Assert.Equal(2UL, t.Order.ToPeerId % 10));
    }

    [Fact]
    public void Transfer_NamesTheEpoch_EndsWhenSeenDone_AndIsNotRepeatedWhileOpen()
    {
        var world = new DriverWorld(2);
        world.TakeOver(3);
        RegionReport[] regions =
        [
            Region(10, "", "m", 1, version: 4, stores: 2), Region(11, "m", "", 1, version: 7, stores: 2),
        ];
        world.ReportAll(regions);
        world.AdvanceMs(1_100);
        (StoreId store, TransferOrder order) = Assert.Single(world.TakeTransfers());
        Assert.Equal(1UL, store.Value);
        Assert.Equal(order.RegionId == 10 ? 4UL : 7UL, order.Epoch.Version);
        Assert.Contains("store 1 leads 2 regions, store 2 leads 0", order.Reason, StringComparison.Ordinal);
        world.AdvanceMs(2_000);
        Assert.Empty(world.TakeTransfers());
        RegionReport moved = regions.Single(r => r.Region.Id == order.RegionId).Clone();
        moved.LeaderPeerId = order.ToPeerId;
        moved.Term = 6;
        world.Report(2, full: false, stopping: false, moved);
        world.AdvanceMs(5_000);
        Assert.Empty(world.TakeTransfers());
        Assert.Contains(Snapshot(world).History, static line => line.EndsWith(": done", StringComparison.Ordinal));
    }

    [Fact]
    public void TransferThatNeverHappens_IsGivenUp_AndItsRegionRests()
    {
        var world = new DriverWorld(2);
        world.TakeOver(3);
        RegionReport[] regions = [Region(10, "", "m", 1, stores: 2), Region(11, "m", "", 1, stores: 2)];
        world.ReportAll(regions);
        world.AdvanceMs(1_100);
        ulong first = Assert.Single(world.TakeTransfers()).Order.RegionId;
        for (int second = 0; second < 7; second++)
        {
            world.ReportAll(regions);
            world.AdvanceMs(1_000);
        }

        Assert.NotEqual(first, Assert.Single(world.TakeTransfers()).Order.RegionId);
        Assert.Contains(Snapshot(world).History, static line =>
            line.Contains("not done within", StringComparison.Ordinal));
    }

    [Fact]
    public void AskedTransfer_IsRefusedByName_OrAnsweredWhenSeen()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        RegionReport region = Region(10, "", "", 1);
        world.ReportAll(region);
        Assert.Equal("region 99 is not known to placement", Ask(99, 2).Refusal);
        Assert.Equal("region 10 has no peer on store 9", Ask(10, 9).Refusal);
        Assert.Null(Ask(10, 1).Refusal);
        TransferResult? result = null;
        world.Driver.TransferLeader(new RegionId(10), new StoreId(3), r => result = r);
        world.Run();
        Assert.Null(result);
        Assert.Equal("region 10 is being moved already", Ask(10, 2).Refusal);
        world.Report(3, full: false, stopping: false, Region(10, "", "", 3, term: 6));
        Assert.Equal(new TransferResult(null, new StoreId(3), 6), result);

        TransferResult Ask(ulong id, ulong store)
        {
            TransferResult? answer = null;
            world.Driver.TransferLeader(new RegionId(id), new StoreId(store), r => answer = r);
            world.Run();
            return answer!.Value;
        }
    }

    [Fact]
    public void StoppingStore_LosesItsLeadersAtOnce()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        RegionReport[] regions = [Region(10, "", "g", 1), Region(11, "g", "m", 2), Region(12, "m", "", 3)];
        world.ReportAll(regions);
        world.AdvanceMs(1_100);
        world.TakeTransfers();
        world.Report(2, full: false, stopping: true);
        (StoreId store, TransferOrder order) = Assert.Single(world.TakeTransfers());
        Assert.Equal(2UL, store.Value);
        Assert.Equal("store 2 is stopping", order.Reason);
    }

    [Fact]
    public void OlderEpochOrTerm_NeverOverwritesNewer()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        world.ReportAll(Region(10, "", "m", 2, term: 8, version: 3), Region(11, "m", "", 2, term: 8, version: 3));
        // The parent before its split, and an old leader, told late by store 3.
        world.Report(3, full: false, stopping: false, Region(10, "", "", 1, term: 7, version: 2));
        RoutesResponse routes = world.Ask(new RoutesRequest());
        Assert.Equal([10UL, 11UL], routes.Routes.Select(static r => r.Region.Id));
        Assert.All(routes.Routes, static r => Assert.Equal((r.Region.Id * 10) + 2, r.LeaderPeerId));
        // The parent alone, when only the child is known.
        world.Report(3, full: false, stopping: false, Region(9, "a", "z", 1, term: 7, version: 2));
        Assert.Equal([10UL, 11UL], world.Ask(new RoutesRequest()).Routes.Select(static r => r.Region.Id));
        // A child told before its parent takes the parent's old range away.
        world.Report(1, full: false, stopping: false, Region(12, "t", "", 1, term: 6, version: 4));
        Assert.Equal(12UL, Assert.Single(world.AskKey("x").Routes).Region.Id);
        Assert.NotNull(world.AskKey("n").RegionError.NotReady);
        world.Report(1, full: false, stopping: false, Region(11, "m", "t", 1, term: 8, version: 4));
        Assert.Equal([10UL, 11UL, 12UL], world.Ask(new RoutesRequest()).Routes.Select(static r => r.Region.Id));
    }

    [Fact]
    public void Routes_ArePaged_InTheCallersKeys_AndHideTheSystemRegion()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        world.ReportAll(Region(1, "", "", 1), Region(10, "", "g", 1), Region(11, "g", "m", 2), Region(12, "m", "", 3));
        RoutesResponse page = world.Ask(new RoutesRequest { Limit = 2 });
        Assert.True(page.More);
        Assert.Equal([10UL, 11UL], page.Routes.Select(static r => r.Region.Id));
        Assert.Equal("", page.Routes[0].Region.StartKey.ToStringUtf8());
        Assert.Equal("m", page.Routes[1].Region.EndKey.ToStringUtf8());
        Assert.Equal(77UL, page.ClusterId);
        page = world.Ask(new RoutesRequest { StartKey = page.Routes[1].Region.EndKey });
        Assert.False(page.More);
        Assert.Equal("", Assert.Single(page.Routes).Region.EndKey.ToStringUtf8());
        Assert.Equal(11UL, Assert.Single(world.Ask(new RoutesRequest { RegionId = 1 }).Routes).LeaderPeerId);
        var reversed = new RoutesRequest
        {
            StartKey = Google.Protobuf.ByteString.CopyFromUtf8("z"),
            EndKey = Google.Protobuf.ByteString.CopyFromUtf8("a"),
        };
        Assert.NotNull(world.Ask(reversed).RegionError.InvalidRequest);
    }

    [Fact]
    public void Watch_GetsEverything_ThenChangesOnly_AndEndsWithLeadership()
    {
        var world = new DriverWorld(options: new PlacementOptions { RoutesPerAnswerMax = 2 });
        world.TakeOver(3);
        world.ReportAll(Region(10, "", "g", 1), Region(11, "g", "m", 2), Region(12, "m", "", 3));
        var seen = new List<RoutesResponse>();
        world.Driver.Watch(new RoutesRequest(), r => Add(seen, r));
        var slow = new List<RoutesResponse>();
        world.Driver.Watch(new RoutesRequest(), r => Add(slow, r) && slow.Count < 2);
        world.Run();
        Assert.Equal([2, 1], seen.Select(static r => r.Routes.Count));
        Assert.True(seen[0].More);
        seen.Clear();
        world.ReportAll(Region(10, "", "g", 1), Region(11, "g", "m", 2), Region(12, "m", "", 3));
        Assert.Empty(seen);
        world.Report(1, full: false, stopping: false, Region(11, "g", "m", 1, term: 6));
        Assert.Equal(111UL, Assert.Single(Assert.Single(seen).Routes).LeaderPeerId);
        Assert.Equal(2, slow.Count);
        seen.Clear();
        world.Driver.OnLeadershipLost();
        world.Run();
        Assert.NotNull(Assert.Single(seen).RegionError.NotPlacementLeader);

        static bool Add(List<RoutesResponse> list, RoutesResponse item)
        {
            list.Add(item);
            return true;
        }
    }

    [Fact]
    public void Ids_ComeFromCommittedBlocksOnly_AndNeverTwice_OverDrivers()
    {
        var world = new DriverWorld(options: new PlacementOptions { IdBlockCount = 10 });
        world.TakeOver(3);
        var given = new HashSet<ulong>();
        for (ulong term = 3; term < 20; term++)
        {
            for (int i = 0; i < 7; i++)
            {
                world.ProposalsFail = term % 3 == 0 && i == 2;
                if (Allocate(world, 3) is ulong first)
                {
                    Assert.True(first >= 100);
                    Assert.True(given.Add(first) && given.Add(first + 1) && given.Add(first + 2), $"id {first} twice");
                }
            }

            world.ProposalsFail = false;
            world.MoveTo(world.NewDriver(), term + 1);
        }

        world.ProposalsHang = true;
        Assert.All(Enumerable.Range(0, 3), _ => Assert.Null(Allocate(world, 9)));
        Assert.True(given.Count > 300);
    }

    [Fact]
    public void Join_GivesANewId_TheSameToTheSameAttempt_AndRefusesALostFolderByName()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        JoinAnswer joined = Join(world, "10.0.0.9:7401", attempt: 5);
        Assert.Equal((100UL, 77UL, 800UL),
            (joined.Response!.StoreId, joined.Response.ClusterId, joined.Response.LeaseMs));
        Assert.Equal(4, joined.Response.Stores.Count);
        world.MoveTo(world.NewDriver(), 4);
        Assert.Equal(100UL, Join(world, "10.0.0.9:7401", attempt: 5).Response!.StoreId);
        string? refusal = Join(world, "10.0.0.9:7401", attempt: 6).Refusal;
        Assert.StartsWith(
            "address 10.0.0.9:7401 belongs to store 100 of cluster 000000000000004d; a store that lost its "
            + "folder does not come back",
            refusal,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "address 10.0.0.2:7401 belongs to store 2 of cluster",
            Join(world, "10.0.0.2:7401", attempt: 7).Refusal,
            StringComparison.Ordinal);
        Assert.NotNull(Join(world, "nonsense", attempt: 7).Refusal);
        Assert.NotEqual(100UL, Join(world, "10.0.0.10:7401", attempt: 8).Response!.StoreId);
    }

    [Fact]
    public void Join_AtAStoreWithoutPlacement_NamesTheRightOne()
    {
        var world = new DriverWorld();
        Assert.NotNull(Join(world, "10.0.0.9:7401", 5).NotReady);
        world.Driver.OnLeaderHint(Info(3));
        Assert.Equal(3UL, Join(world, "10.0.0.9:7401", 5).Response!.AskInstead.Id);
    }

    [Fact]
    public void JoinWhoseRecordIsInDoubt_GivesNoIdentity_UntilTheStateIsReadAgain()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        Allocate(world, 1);
        world.ProposalsFail = true;
        Assert.NotNull(Join(world, "10.0.0.9:7401", 5).NotReady);
        world.ProposalsFail = false;
        Assert.True(Join(world, "10.0.0.9:7401", 5).Response!.StoreId > 100);
    }

    [Fact]
    public void StateThatCannotBeRead_IsReadAgain()
    {
        var world = new DriverWorld { LoadsFail = true };
        world.TakeOver(3);
        Assert.Equal("placement is starting", world.AskKey("a").RegionError.Message);
        world.LoadsFail = false;
        world.AdvanceMs(300);
        Assert.Equal("the region of this key is not yet known", world.AskKey("a").RegionError.Message);
    }

    [Fact]
    public void ReportsOfForeignStores_OldIncarnations_AndNonsense_ChangeNothing()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        world.ReportAll(Region(10, "", "", 1));
        world.Driver.OnReport(new StoreReport { StoreId = 8, Incarnation = 1, Sequence = 1, Full = true });
        world.Driver.OnReport(new StoreReport
        {
            StoreId = 1,
            Incarnation = 0,
            Sequence = 99,
            Full = true,
            PlacementTerm = 3,
        });
        world.Report(2, full: false, stopping: false, new RegionReport { Region = new Region { Id = 10 } });
        Assert.Equal(11UL + 90, Assert.Single(world.AskKey("a").Routes).LeaderPeerId);
        Assert.Equal(3, Snapshot(world).Stores.Count);
    }

    [Fact]
    public void Snapshot_CountsPeersAndLeaders_AndTellsSilence()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        world.ReportAll(Region(1, "", "", 2), Region(10, "", "m", 1), Region(11, "m", "", 2));
        PlacementSnapshot snapshot = Snapshot(world);
        Assert.True(snapshot.Complete);
        Assert.Equal([1u, 2u, 0u], snapshot.Stores.Select(static s => s.LeaderCount));
        Assert.All(snapshot.Stores, static s => Assert.Equal((3u, StoreState.Up), (s.PeerCount, s.State)));
        world.Clock.AdvanceMs(10_001);
        world.Report(1, full: false, stopping: false);
        snapshot = Snapshot(world);
        Assert.Equal([StoreState.Up, StoreState.Silent, StoreState.Silent],
            snapshot.Stores.Select(static s => s.State));
        Assert.Equal(10_001UL, snapshot.Stores[1].LastHeartbeatMsAgo);
    }

    /// <summary>
    /// A candidate whose disk fails, or that is killed before its term is durable, has told of a term that nobody ever
    /// hears of again: the region is still led in the term before.
    /// </summary>
    [Fact]
    public void TermThatDiedWithItsCandidate_DoesNotHideTheLeaderOfTheTermBefore()
    {
        var world = new DriverWorld();
        world.TakeOver(3);
        world.ReportAll(Region(1, "", "", 1), Region(10, "", "", 1, term: 5));
        world.Report(2, full: false, stopping: false, Region(10, "", "", 0, term: 6));
        Assert.Equal(0UL, LeaderOf10());

        // What a follower remembers is no proof; the leader's own word is.
        world.Report(3, full: false, stopping: false, Region(10, "", "", 1, term: 5));
        Assert.Equal(0UL, LeaderOf10());
        world.Report(1, full: false, stopping: false, Region(10, "", "", 1, term: 5));
        Assert.Equal(101UL, LeaderOf10());

        // A leader of a later term takes its place, and the one before does not come back.
        world.Report(2, full: false, stopping: false, Region(10, "", "", 2, term: 7));
        world.Report(1, full: false, stopping: false, Region(10, "", "", 1, term: 5));
        Assert.Equal(102UL, LeaderOf10());

        ulong LeaderOf10() =>
            Snapshot(world).Regions.Single(static region => region.Region.Id == 10).LeaderPeerId;
    }

    private static PlacementSnapshot Snapshot(DriverWorld world)
    {
        PlacementSnapshot? snapshot = null;
        world.Driver.Query(s => snapshot = s);
        world.Run();
        return snapshot!;
    }

    private static ulong? Allocate(DriverWorld world, uint count)
    {
        ulong? first = null;
        world.Driver.AllocateIds(count, id => first = id);
        world.Run();
        return first;
    }

    private static JoinAnswer Join(DriverWorld world, string address, ulong attempt)
    {
        JoinAnswer? answer = null;
        var request = new JoinRequest { Store = new StoreInfo { PeerAddress = address }, Attempt = attempt };
        world.Driver.Join(request, a => answer = a);
        world.Run();
        return answer!.Value;
    }
}
