// Owns a run: founds a cluster of the shipped stores, placement and clients in one thread, lets faults happen, heals a
// majority, and checks that everything open ends, every region is led, and everything told was true.
using Kv.Base;
using Kv.Placement;
using Kv.Protocol;
using Kv.Protocol.V1;
using Kv.Simulation.Checks;
using Kv.Simulation.Faults;
using Kv.Simulation.Workload;

namespace Kv.Simulation;

public sealed partial class SimCluster
{
    /// <summary>Problems kept; a broken run finds more of the same at every event.</summary>
    private const int ProblemsMax = 20;

    /// <summary>Ten election time-outs: after the healing every region must be led by then.</summary>
    private const long ElectedMs = 10_000;

    private const long LookMs = 2_000;
    private const int Looks = 10;

    /// <summary>Most that passes between two writes of an idle log.</summary>
    private const long KeepAliveMs = 1_000;

    /// <summary>Longest that an operation may stay open: its time budget, and room for its last turn.</summary>
    private const long OperationMs = 10_500;

    private readonly SimOptions _options;
    private readonly SimClock _clock = new();
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly FaultLog _faults;
    private readonly SimNetwork _network;
    private readonly RaftChecker _raft;
    private readonly HistoryBook _book;
    private readonly Buggifier _buggifier;
    private readonly List<SimStore> _stores = [];
    private readonly List<SimClient> _clients = [];
    private readonly List<string> _problems = [];
    private FaultDriver? _driver;
    private long _judged;

    public SimCluster(SimOptions options)
    {
        _options = options;
        _random = new DeterministicRandom(options.Seed);
        _events = new EventQueue(_clock, _random.Fork());
        _faults = new FaultLog(_random.Fork(), options.Faults);
        _network = new SimNetwork(_events, _random.Fork(), _faults, options);
        _buggifier = new Buggifier(options, _random.Fork());
        _raft = new RaftChecker(AddProblem);
        _book = new HistoryBook(_raft, _clock, AddProblem);
    }

    /// <summary>Runs the whole script and reports. Same options, same report, same hash.</summary>
    public SimReport Run()
    {
        _buggifier.Arm();
        try
        {
            RunPhases();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            AddProblem($"a turn threw: {e}");
        }
        finally
        {
            Buggifier.Disarm();
        }

        return Report();
    }

    private void RunPhases()
    {
        Found();
        foreach (SimClient client in _clients)
        {
            client.Begin();
        }

        _driver!.Begin();
        ScheduleDiskFault();
        RunFor(_options.FaultSeconds * 1_000L);
        Heal();

        // A disk that begins to hang only now is noticed when the Progress law says.
        long electedMs = ElectedMs + (_driver.HangsForEver ? _options.Store.ProgressMs + KeepAliveMs : 0);
        RunFor(electedMs - LookMs);
        CheckLed(electedMs);
        Instant electedBy = _clock.Now;
        _raft.ExpectQuiet();
        RunFor(3_000);
        foreach (SimClient client in _clients)
        {
            client.Stop();
        }

        RunFor(OperationMs);
        CheckLiveness(electedBy);
        ReadAll();
        _book.CheckFailed();
        _judged = HistoryJudge.Run(_book.Operations, _options.Canary, AddProblem);
        CheckStores();
        StateCheck.Run(_stores, AddProblem);
    }

    /// <summary>
    /// Looks a few times: placement may be moving a leadership at any one moment, but not at all of them.
    /// </summary>
    private void CheckLed(long electedMs)
    {
        var never = new SortedSet<RegionId>(_raft.WithoutLeader());
        for (int i = 0; i < Looks; i++)
        {
            RunFor(LookMs / Looks);
            never.IntersectWith(_raft.WithoutLeader());
        }

        foreach (RegionId region in never)
        {
            AddProblem(
                $"region {region} is not led {electedMs} ms after a majority was healed:{_raft.Describe(region)}");
        }
    }

    private void AddProblem(string problem)
    {
        if (_problems.Count < ProblemsMax)
        {
            _problems.Add($"{_clock.Now.Nanoseconds / 1e6:F3} ms: {problem}");
        }
    }

    private void Found()
    {
        var founders = new List<StoreInfo>();
        for (int i = 1; i <= _options.Stores; i++)
        {
            founders.Add(new StoreInfo
            {
                Id = (ulong)i,
                ClientAddress = $"10.0.0.{i}:1",
                PeerAddress = $"10.0.0.{i}:2",
                HttpAddress = $"10.0.0.{i}:3",
            });
        }

        List<RegionDescriptor> regions = Regions();
        var cluster = new ClusterId(_options.Seed | 1);
        ulong nextId = 1_000;
        var seed = new PlacementSeed(
            cluster, founders, nextId, (ulong)_options.Store.LeaseMs, (ulong)_options.Store.LeaseDriftMs);
        _driver = new FaultDriver(_options, _events, _random.Fork(), _faults, _network, _stores);
        foreach (StoreInfo founder in founders)
        {
            AddStore(founder, founders, cluster, seed, regions);
        }

        var keys = new KeySet(_options.Load.Keys);
        List<string> seeds = founders.ConvertAll(founder => founder.ClientAddress);
        for (int i = 0; i < _options.Load.Clients; i++)
        {
            _clients.Add(new SimClient(
                i, seeds, _options.Load, keys, _clock, _events, _random.Fork(), _network, _book));
        }
    }

    private void AddStore(
        StoreInfo founder, List<StoreInfo> founders, ClusterId cluster, PlacementSeed seed,
        List<RegionDescriptor> regions)
    {
        var store = new SimStore(
            founder, founders, cluster, seed, _options, _clock, _events, _random.Fork(), _network, _raft)
        {
            Applied = _book.OnApplied,
            DiskFailed = OnDiskFailed,
            Problem = AddProblem,
        };
        DrawClock(store);
        _network.Attach(store);
        store.Found(regions);
        store.Start();
        _stores.Add(store);
    }

    private void DrawClock(SimStore store)
    {
        if (_options.ClockDrift > 0)
        {
            store.Clock.SetRate(1 + (_options.ClockDrift * ((2 * _random.NextDouble()) - 1)));
        }

        if (_options.WallOffsetMinutes > 0)
        {
            int seconds = _options.WallOffsetMinutes * 60;
            store.Clock.WallOffset = TimeSpan.FromSeconds(_random.Next(-seconds, seconds + 1));
        }
    }

    private List<RegionDescriptor> Regions()
    {
        var regions = new List<RegionDescriptor>
        {
            new(RegionId.System, KeySpace.SystemStart, KeySpace.SystemEnd, Kv.Protocol.RegionEpoch.First, Peers(1)),
        };
        for (int i = 0; i < _options.Regions; i++)
        {
            byte[] start = i == 0 ? KeySpace.UserStart : [KeySpace.UserPrefix, (byte)(i * 256 / _options.Regions)];
            byte[] end = i == _options.Regions - 1
                ? KeySpace.UserEnd
                : [KeySpace.UserPrefix, (byte)((i + 1) * 256 / _options.Regions)];
            regions.Add(new RegionDescriptor(
                new RegionId((ulong)i + 2), start, end, Kv.Protocol.RegionEpoch.First, Peers(i + 2)));
        }

        return regions;
    }

    private PeerDescriptor[] Peers(int region)
    {
        var peers = new PeerDescriptor[_options.Stores];
        for (int i = 0; i < peers.Length; i++)
        {
            peers[i] = new PeerDescriptor(
                new PeerId((ulong)((region * 10) + i + 100)), new StoreId((ulong)i + 1), PeerRole.Voter);
        }

        return peers;
    }

    private void OnDiskFailed(SimStore store, Exception failure)
    {
        if (_options.DiskFault is not null && store == _stores[0])
        {
            OnNamedDiskFailed(store, failure);
        }
        else
        {
            _driver!.OnDiskFailed(store, failure);
        }
    }

    private void Heal()
    {
        _driver!.Heal();
        _buggifier.Stop();
    }

    private void RunFor(long ms)
    {
        Instant end = _clock.Now.PlusMs(ms);
        while (_events.TakeOne(end))
        {
        }

        _clock.MoveTo(end);
    }

    private void ReadAll()
    {
        SimClient reader = _clients[0];
        reader.ReadAll();
        RunFor(OperationMs);
        if (reader.Open > 0)
        {
            AddProblem($"{reader.Open} reads at the end never ended");
        }
    }

    /// <summary>Every operation has ended, and those begun after all regions were led have succeeded.</summary>
    private void CheckLiveness(Instant electedBy)
    {
        foreach (SimClient client in _clients)
        {
            if (client.Open > 0)
            {
                AddProblem($"{client.Open} operations of a client never ended after a majority was healed");
            }
        }

        foreach (SimOperation operation in _book.Operations)
        {
            if (operation.CalledAt >= electedBy && operation.Outcome is SimOutcome.Failed or SimOutcome.Undetermined
                && operation.CalledAt >= electedBy)
            {
                AddProblem(
                    $"operation {operation.Id} ({operation.Name}), begun after the healing, ended "
                    + $"{operation.Outcome}: {operation.Error}");
            }
        }
    }

    private void CheckStores()
    {
        foreach (SimStore store in _stores)
        {
            if (store.Machine.IsPaused)
            {
                continue;
            }

            foreach ((ulong region, string reason) in store.Stopped())
            {
                AddProblem($"store {store.Id}, region {region} has stopped: {reason}");
            }
        }
    }

    private long CountAcknowledged() =>
        _book.Operations.Count(operation => operation.IsWrite && operation.Outcome == SimOutcome.Ok);

    private SortedDictionary<string, long> CountByKind()
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (SimOperation operation in _book.Operations)
        {
            bool refused = operation.Parts.Any(static part => part.Outcome == SimOutcome.Refused);
            SimOutcome outcome = refused ? SimOutcome.Refused : operation.Outcome;
            string name = $"{operation.Name} {outcome}";
            counts[name] = counts.GetValueOrDefault(name) + 1;
        }

        return counts;
    }

    private SimReport Report()
    {
        long Count(Func<SimOperation, bool> which) => _book.Operations.LongCount(which);
        return new SimReport
        {
            Seed = _options.Seed,
            Hash = _events.Hash,
            Events = _events.Taken,
            SimulatedMs = _clock.Now.MsSince(Instant.FromMs(1_000)),
            Begun = Count(static operation => operation.IsWrite),
            TookEffect = _book.TookEffect,
            Acknowledged = CountAcknowledged(),
            Reads = Count(static operation => !operation.IsWrite && operation.Outcome == SimOutcome.Ok),
            Undetermined = Count(static operation => operation.Outcome == SimOutcome.Undetermined),
            Failed = Count(static operation => operation.Outcome == SimOutcome.Failed),
            Messages = _network.Sent,
            LostMessages = _network.Lost,
            AwakePeers = _stores.Sum(static store => store.Machine.IsPaused ? 0 : store.CountAwake()),
            DiskReads = _stores.Sum(static store => store.Machine.IsPaused ? 0 : store.CountDiskReads()),
            Judged = _judged,
            Elections = _raft.Elections,
            LeaseTurns = _raft.LeaseTurns,
            Promises = _stores.Sum(static store => store.Promises.Checked + store.Promises.CheckedAtSend),
            FaultsFired = [.. FaultKinds.All.Select(_faults.Fired)],
            Buggified = _buggifier.Fired(),
            DiskFault = ReportDiskFault(),
            Problems = _problems,
            ByKind = CountByKind(),
            Errors = [.. _book.Operations.Where(o => o.Outcome is SimOutcome.Undetermined or SimOutcome.Failed)
                .Select(o => $"{o.CalledAt.Nanoseconds / 1e6:F1} to {o.EndedAt.Nanoseconds / 1e6:F1} ms: {o.Error}")],
            Schedule = _driver?.Schedule ?? [],
            FaultsDone = _driver?.Done ?? [],
            RecentEvents = _problems.Count > 0 ? [.. _events.Recent()] : [],
        };
    }
}
