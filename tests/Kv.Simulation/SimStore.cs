// Owns one simulated store: its disks outlive its lives. A life opens the shipped store and placement on them and
// drives their pumps by events; a crash ends the life and tears what was not synced.
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Engine.Memory;
using Kv.Placement;
using Kv.Placement.Driver;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Store;
using Kv.Testing.Files;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Simulation;

public sealed class SimStore
{
    private const int LoopDelayNs = 50_000;
    private const int DiskDelayNs = 2_000_000;

    private readonly SimClock _clock;
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly SimNetwork _network;
    private readonly MemoryFileSystem _files = new();
    private readonly MemoryEngineDisk _engineDisk;
    private readonly ClusterId _cluster;
    private readonly IReadOnlyList<StoreInfo> _founders;
    private readonly List<SimPump> _pumps = [];
    private readonly PlacementSeed _seed;
    private readonly SimOptions _options;
    private LocalStore? _store;
    /// <summary>So that gets take the read loops' way too.</summary>
    private const int UncachedEvery = 4;

    private PlacementDriver? _driver;
    private IDisposable? _engine;
    private IDisposable? _log;

    public SimStore(
        StoreInfo info, IReadOnlyList<StoreInfo> founders, ClusterId cluster, PlacementSeed seed, SimOptions options,
        SimClock clock, EventQueue events, DeterministicRandom random, SimNetwork network)
    {
        _options = options;
        Info = info;
        _founders = founders;
        _cluster = cluster;
        _seed = seed;
        _clock = clock;
        _events = events;
        _random = random;
        _network = network;
        _engineDisk = new MemoryEngineDisk(_files) { UncachedEvery = UncachedEvery };
    }

    public StoreInfo Info { get; private set; }

    public StoreId Id => new(Info.Id);

    public bool IsUp => _store is not null;

    /// <summary>Why the last life ended, when it was not a crash.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>
    /// Hears of a loop that the disk failed. The store's other loops run on, as in a process that has not ended yet.
    /// </summary>
    public Action<Exception>? DiskFailed { get; set; }

    /// <summary>Hears of promises that a crash has broken.</summary>
    public Action<string>? PromiseBroken { get; set; }

    public SimPromises Promises { get; } = new();

    /// <summary>Envelopes sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Votes it was asked for while it was up.</summary>
    public long VotesAsked { get; private set; }

    public long LateCallCount => _files.Faults.LateCallCount;

    /// <summary>Hears of every write that takes effect, over all lives.</summary>
    public Action<SimStore, RegionId, LogIndex, CommandIdentity>? Applied { get; set; }

    /// <summary>What founding makes durable before the store serves (Truth law).</summary>
    public void Found(IReadOnlyList<RegionDescriptor> regions)
    {
        using MemoryEngine engine = MemoryEngine.Open(_engineDisk);
        using IEngineBatch batch = engine.NewBatch();
        StoreMeta.AddBirths(batch, regions);
        engine.Write(batch, sync: true);
    }

    public void Start()
    {
        Invariant.Require(_store is null);
        Info = Info.Clone();
        Info.Incarnation++;
        MemoryEngine engine = MemoryEngine.Open(_engineDisk);
        _engine = engine;
        SharedLog log = SharedLog.Open(_files, "log", _options.Log with { LogId = Info.Id });
        _log = log;
        Promises.Check(Id, log, problem => PromiseBroken?.Invoke(problem));
        var listener = new Listener(this);
        var context = new StoreContext
        {
            Cluster = _cluster,
            Self = Info,
            Options = _options.Store,
            Engine = engine,
            Log = log,
            Transport = _network.TransportOf(this),
            Clock = _clock,
            Seed = _random.NextUInt64(),
            Logger = NullLogger.Instance,
            SystemListener = listener,
        };
        _store = LocalStore.Open(context);
        foreach (StoreInfo founder in _founders)
        {
            _store.LearnStore(founder);
        }

        _store.ApplyObserver = (region, index, identity) => Applied?.Invoke(this, region, index, identity);
        _driver = new PlacementDriver(new PlacementOptions(), _clock, listener, listener, _seed, NullLogger.Instance);
        foreach (Pump pump in _store.Pumps)
        {
            int delay = pump.Name is "log" or "durable" ? DiskDelayNs : LoopDelayNs;
            _pumps.Add(new SimPump(pump, _events, _random, $"{Id}.{pump.Name}", delay, Fail));
        }

        _pumps.Add(new SimPump(_driver, _events, _random, $"{Id}.placement", LoopDelayNs, Fail));
    }

    /// <summary>From now on the disk fails at a site.</summary>
    public void FailDisk(SimDiskFault fault)
    {
        switch (fault.Site)
        {
            case SimDiskFault.EngineWrite:
                _engineDisk.FailNext(MemoryEngineSite.Write);
                break;
            case SimDiskFault.EngineSync:
                _engineDisk.FailNext(MemoryEngineSite.SyncWal);
                break;
            default:
                _files.Faults.Arm(new SiteFault(fault.Site, fault.Error, After: 0, Times: long.MaxValue));
                break;
        }
    }

    public void HealDisk() => _files.Faults.Disarm();

    public void NoteSent(StoreEnvelope envelope)
    {
        Sent++;
        Promises.Note(envelope);
    }

    /// <summary>Power goes: what was not synced is kept, lost or torn as the seed has it.</summary>
    public void Crash() => EndLife(() => _files.Crash(_random));

    /// <summary>Power goes, and of what was not synced nothing is kept.</summary>
    public void CrashToDurable() => EndLife(_files.CrashToDurable);

    private void EndLife(Action crashFiles)
    {
        StopPumps();
        crashFiles();
        _engineDisk.PowerCut(_random);
        _store = null;
        _driver = null;
        _log = null;
        _engine = null;
    }

    public void Receive(StoreId from, Incarnation incarnation, StoreEnvelope envelope)
    {
        if (_store is not null)
        {
            VotesAsked += envelope.Messages.Count(message => message.Kind == (uint)MessageKind.Vote);
            _store.OnEnvelope(from, incarnation, envelope);
        }
    }

    /// <summary>Regions this store leads now, in the loop's own words.</summary>
    public int CountLeaders() => Ask(status => status.LeaderCount);

    /// <summary>Peers that tick now, in the loop's own words.</summary>
    public int CountAwake() => Ask(status => status.AwakeCount);

    /// <summary>Gets of this life that were not in memory.</summary>
    public long CountDiskReads() => Ask(status => (int)status.DiskReadCount);

    /// <summary>A request from a client; false when the store is down.</summary>
    public bool Submit(Request request, Action<Response> answer)
    {
        if (_store is null)
        {
            return false;
        }

        _store.Door.Submit(request, new Sink(answer));
        return true;
    }

    private int Ask(Func<Kv.Store.StoreStatus, int> number)
    {
        int count = 0;
        _store?.Describe(status => count = number(status));
        _store?.Pumps[0].RunOnce();
        return count;
    }

    private void Fail(Exception failure)
    {
        if (_options.DiskFault is not null && failure is StorageException or EngineException && DiskFailed is not null)
        {
            DiskFailed(failure);
            return;
        }

        Failure = failure;
        StopPumps();
    }

    private void StopPumps()
    {
        foreach (SimPump pump in _pumps)
        {
            pump.Kill();
        }

        _pumps.Clear();
    }

    private sealed class Sink(Action<Response> answer) : IResponseSink
    {
        public void OnResponse(Response response) => answer(Response.Parser.ParseFrom(response.ToByteArray()));
    }

    /// <summary>Binds placement to the system region of the store beside it, as the server does.</summary>
    private sealed class Listener(SimStore owner) : ISystemRegionListener, IPlacementState, IPlacementOutbox
    {
        public void OnLeadership(Term term) => owner._driver!.OnLeadership(term.Value);

        public void OnLeadershipLost() => owner._driver!.OnLeadershipLost();

        public void OnLeaderHint(StoreInfo? leader) => owner._driver!.OnLeaderHint(leader);

        public void OnReport(StoreReport report) => owner._driver!.OnReport(report);

        public void OnRoutes(RoutesRequest request, Action<RoutesResponse> answer) =>
            owner._driver!.Submit(request, answer);

        public void Load(Action<IReadOnlyList<(byte[] Key, byte[] Value)>?> done) =>
            owner._store!.LoadSystemRegion(rows => done(rows?.Select(row => (row.Key, row.Value)).ToList()));

        public void Propose(IReadOnlyList<Mutation> mutations, ulong term, Action<bool> done) =>
            owner._store!.WriteSystemRegion(mutations, new Term(term), done);

        public void Send(StoreId store, PlacementOrders orders) => owner._store!.SendOrders(store, orders);
    }
}
