using Kv.Base;
using Kv.Placement.Driver;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Placement.Tests;

/// <summary>A driver, its replicated state as a map, and stores that report what the test says.</summary>
internal sealed class DriverWorld : IPlacementState, IPlacementOutbox
{
    private readonly SortedDictionary<string, byte[]> _records = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, ulong> _sequences = [];

    public DriverWorld(int stores = 3, PlacementOptions? options = null)
    {
        StoreInfo[] founders = [.. Enumerable.Range(1, stores).Select(id => Info((ulong)id))];
        Seed = new PlacementSeed(new ClusterId(77), founders, NextId: 100, LeaseMs: 800, LeaseDriftMs: 100);
        Options = options ?? PlacementOptions.Default;
        Driver = NewDriver();
    }

    public PlacementOptions Options { get; }

    public ManualClock Clock { get; } = new();

    public PlacementSeed Seed { get; }

    public PlacementDriver Driver { get; private set; }

    public List<(StoreId Store, PlacementOrders Orders)> Sent { get; } = [];

    public bool ProposalsFail { get; set; }

    public bool ProposalsHang { get; set; }

    public bool LoadsFail { get; set; }

    public ulong Term { get; private set; }

    public static StoreInfo Info(ulong id) => new()
    {
        Id = id,
        PeerAddress = $"10.0.0.{id}:7401",
        ClientAddress = $"10.0.0.{id}:7400",
    };

    public static RegionReport Region(
        ulong id, string start, string end, ulong leaderStore, ulong term = 5, ulong version = 1, ulong at = 0,
            int stores = 3)
    {
        PeerDescriptor[] peers =
        [
            .. Enumerable.Range(1, stores).Select(
                store => new PeerDescriptor(new PeerId((id * 10) + (ulong)store), new StoreId((ulong)store),
                    PeerRole.Voter)),
        ];
        byte[] startKey = id == 1 ? KeySpace.SystemStart
            : KeySpace.ToInternal(System.Text.Encoding.UTF8.GetBytes(start));
        byte[] endKey = id == 1 ? KeySpace.SystemEnd : KeySpace.EndToInternal(System.Text.Encoding.UTF8.GetBytes(end));
        var descriptor = new RegionDescriptor(
            new RegionId(id), startKey, endKey, new Protocol.RegionEpoch(1, version), peers);
        return new RegionReport
        {
            Region = descriptor.ToMessage(),
            LeaderPeerId = leaderStore == 0 ? 0 : (id * 10) + leaderStore,
            Term = term,
            Leads = leaderStore == at,
            Committed = 100,
            Applied = 100,
        };
    }

    public PlacementDriver NewDriver(PlacementSeed? seed = null) =>
        new(Options, Clock, this, this, seed ?? Seed, NullLogger.Instance);

    public void TakeOver(ulong term)
    {
        Term = term;
        Driver.OnLeadership(term);
        Run();
    }

    /// <summary>Another store's driver takes over; the state stays.</summary>
    public void MoveTo(PlacementDriver driver, ulong term)
    {
        Driver.OnLeadershipLost();
        Run();
        Driver = driver;
        TakeOver(term);
    }

    public void Run()
    {
        for (int turns = 0; Driver.RunOnce(); turns++)
        {
            Assert.True(turns < 100, "the driver never rests");
        }
    }

    public void AdvanceMs(long ms)
    {
        for (long done = 0; done < ms; done += 100)
        {
            Clock.AdvanceMs(100);
            if (Driver.NextDue <= Instant.Now(Clock))
            {
                Run();
            }
        }
    }

    /// <summary>A full report; leaders are named by the region reports.</summary>
    public void Report(ulong store, bool full, bool stopping, params RegionReport[] regions)
    {
        _sequences[store] = _sequences.GetValueOrDefault(store) + 1;
        var report = new StoreReport
        {
            StoreId = store,
            Incarnation = 1,
            Info = Info(store),
            Full = full,
            Sequence = _sequences[store],
            PlacementTerm = Term,
            Stopping = stopping,
        };
        report.Regions.AddRange(regions.Select(r =>
        {
            RegionReport copy = r.Clone();
            copy.Leads = r.LeaderPeerId == (r.Region.Id * 10) + store;
            return copy;
        }));
        Driver.OnReport(report);
        Run();
    }

    public void ReportAll(params RegionReport[] regions)
    {
        for (ulong store = 1; store <= (ulong)Seed.Founders.Count; store++)
        {
            Report(store, full: true, stopping: false, regions);
        }
    }

    public RoutesResponse Ask(RoutesRequest request)
    {
        RoutesResponse? response = null;
        Driver.Submit(request, r => response = r);
        Run();
        return response!;
    }

    public RoutesResponse AskKey(string key) => Ask(new RoutesRequest
    {
        StartKey = Google.Protobuf.ByteString.CopyFromUtf8(key),
        EndKey = Google.Protobuf.ByteString.CopyFromUtf8(key + "\0"),
    });

    public List<(StoreId Store, TransferOrder Order)> TakeTransfers()
    {
        List<(StoreId, TransferOrder)> orders = [.. Sent.SelectMany(s => s.Orders.Transfers.Select(t => (s.Store, t)))];
        Sent.Clear();
        return orders;
    }

    public void Load(Action<IReadOnlyList<(byte[] Key, byte[] Value)>?> done) => done(LoadsFail
        ? null
        : [.. _records.Select(static r => (System.Text.Encoding.Latin1.GetBytes(r.Key), r.Value))]);

    public void Propose(IReadOnlyList<Mutation> mutations, ulong term, Action<bool> done)
    {
        if (ProposalsHang)
        {
            return;
        }

        bool commit = !ProposalsFail && term == Term;
        foreach (Mutation mutation in commit ? mutations : [])
        {
            _records[System.Text.Encoding.Latin1.GetString(mutation.Key.Span)] = mutation.Value.ToByteArray();
        }

        done(commit);
    }

    public void Send(StoreId store, PlacementOrders orders) => Sent.Add((store, orders));
}
