// Owns one simulated store: its disks and its machine outlive its lives. A life opens the shipped store and placement
// on them and drives their pumps by events; an end of life leaves of the disks what such an end leaves.
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Engine.Memory;
using Kv.Placement;
using Kv.Placement.Driver;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Simulation.Checks;
using Kv.Simulation.Faults;
using Kv.Store;
using Kv.Testing.Files;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Simulation;

/// <summary>How a life ends, and with it what the disks keep.</summary>
public enum LifeEnd
{
    /// <summary>The process is killed: the kernel keeps everything that was written.</summary>
    ProcessKill,

    /// <summary>Power goes: what was not synced is kept, lost or torn as the seed has it.</summary>
    PowerCut,

    /// <summary>Power goes, and of what was not synced nothing is kept.</summary>
    PowerCutToDurable,
}

public sealed class SimStore
{
    private const int LoopDelayNs = 50_000;
    private const int DiskDelayNs = 2_000_000;
    private const int MailWhilePausedMax = 10_000;

    /// <summary>So that gets take the read loops' way too.</summary>
    private const int UncachedEvery = 4;

    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly SimNetwork _network;
    private readonly RaftChecker _checker;
    private readonly MemoryFileSystem _files = new();
    private readonly MemoryEngineDisk _engineDisk;
    private readonly ClusterId _cluster;
    private readonly IReadOnlyList<StoreInfo> _founders;
    private readonly List<SimPump> _pumps = [];
    private readonly List<Action> _mailWhilePaused = [];
    private readonly PlacementSeed _seed;
    private bool _losesMail;
    private readonly SimOptions _options;
    private LocalStore? _store;
    private PlacementDriver? _driver;
    private MemoryEngine? _engine;
    private SharedLog? _log;

    public SimStore(
        StoreInfo info, IReadOnlyList<StoreInfo> founders, ClusterId cluster, PlacementSeed seed, SimOptions options,
        SimClock world, EventQueue events, DeterministicRandom random, SimNetwork network, RaftChecker checker)
    {
        _options = options;
        Info = info;
        _founders = founders;
        _cluster = cluster;
        _seed = seed;
        _events = events;
        _random = random;
        _network = network;
        _checker = checker;
        Clock = new StoreClock(world);
        Promises = new SimPromises(options.Store.LeaseMs, checker);
        _engineDisk = new MemoryEngineDisk(_files) { UncachedEvery = UncachedEvery };
    }

    public StoreInfo Info { get; private set; }

    public StoreId Id => new(Info.Id);

    public StoreClock Clock { get; }

    public SimMachine Machine { get; } = new();

    public bool IsUp => _store is not null;

    /// <summary>Counts lives, so that what was planned for one does not strike the next.</summary>
    public int Life { get; private set; }

    /// <summary>Hears of a loop that the disk has failed. The other loops run on until the life is ended.</summary>
    public required Action<SimStore, Exception> DiskFailed { get; init; }

    /// <summary>Hears of anything that ends a loop and should not have.</summary>
    public required Action<string> Problem { get; init; }

    /// <summary>Hears of every write that takes effect, over all lives.</summary>
    public required Action<SimStore, AppliedCommand> Applied { get; init; }

    public SimPromises Promises { get; }

    /// <summary>Envelopes sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Envelopes received by a life that could take them.</summary>
    public long Received { get; private set; }

    /// <summary>Votes it was asked for while it was up.</summary>
    public long VotesAsked { get; private set; }

    public long LateCallCount => _files.Faults.LateCallCount;

    /// <summary>The life's shipped store; null while it is down.</summary>
    public LocalStore? Store => _store;

    public MemoryEngine? Engine => _engine;

    public SharedLog? Log => _log;

    /// <summary>What founding makes durable before the store serves (Truth law).</summary>
    public void Found(IReadOnlyList<RegionDescriptor> regions)
    {
        using MemoryEngine engine = MemoryEngine.Open(_engineDisk);
        using IEngineBatch batch = engine.NewBatch();
        StoreMeta.AddBirths(batch, regions);
        engine.Write(batch, sync: true);
    }

    /// <summary>Begins a life. Throws what the disk throws; then the store stays down.</summary>
    public void Start()
    {
        Invariant.Require(_store is null);
        Life++;
        Info = Info.Clone();
        Info.Incarnation++;
        try
        {
            Open();
        }
        catch (Exception e) when (e is StorageException or EngineException or PowerCutException or LogDamagedException)
        {
            _store = null;
            LeaveDisks(e is PowerCutException ? LifeEnd.PowerCut : LifeEnd.ProcessKill);
            throw;
        }
    }

    private void Open()
    {
        MemoryEngine engine = MemoryEngine.Open(_engineDisk);
        _engine = engine;
        SharedLog log = SharedLog.Open(_files, "log", _options.Log with { LogId = Info.Id });
        _log = log;
        Promises.Check(Id, log, Problem);
        var listener = new Listener(this);
        var context = new StoreContext
        {
            Cluster = _cluster,
            Self = Info,
            Options = _options.Store,
            Engine = engine,
            Log = log,
            Transport = _network.TransportOf(this),
            Clock = Clock,
            Seed = _random.NextUInt64(),
            Logger = NullLogger.Instance,
            SystemListener = listener,
        };
        LocalStore store = LocalStore.Open(context);
        foreach (StoreInfo founder in _founders)
        {
            store.LearnStore(founder);
        }

        store.ApplyObserver = command => Applied(this, command);
        store.Observe(_checker.OnStart(this));
        _driver = new PlacementDriver(new PlacementOptions(), Clock, listener, listener, _seed, NullLogger.Instance);
        _store = store;
        foreach (Pump pump in store.Pumps)
        {
            bool usesDisk = pump.Name is "log" or "durable";
            bool reads = pump.Name.StartsWith("read", StringComparison.Ordinal);
            int readDelayNs = reads ? _options.ReadDelayMs * 1_000_000 : 0;
            AddPump(pump, pump.Name, (usesDisk ? DiskDelayNs : LoopDelayNs) + readDelayNs, usesDisk);
        }

        AddPump(_driver, "placement", LoopDelayNs, usesDisk: false);
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

    /// <summary>
    /// While it is down a bit of its log rots, one that the log must miss. Null when there is none; else where it is.
    /// </summary>
    public string? RotLogBit()
    {
        Invariant.Require(!IsUp);
        return BitRot.Flip(_files, "log", _random);
    }

    /// <summary>Power goes in the middle of a turn: at the disk's change that comes so many after this one.</summary>
    public void CutPowerAfter(int mutations) => _files.PowerCutAtMutation = _files.MutationCount + mutations;

    public void HealDisk()
    {
        _files.Faults.Disarm();
        _files.PowerCutAtMutation = null;
    }

    public void NoteSent(SimStore to, StoreEnvelope envelope)
    {
        Sent++;
        Promises.Note(Id, to.Clock, envelope, _log!, Problem);
    }

    public void End(LifeEnd end)
    {
        if (!IsUp)
        {
            return;
        }

        StopPumps();
        _checker.OnEnd(this);
        _store = null;
        LeaveDisks(end);
        _mailWhilePaused.Clear();
        Machine.IsPaused = false;
        Machine.DiskIsStuck = false;
        Machine.CpuFactor = 1;
        Machine.DiskDelayNs = 0;
    }

    /// <summary>
    /// The process is stopped. What is sent to it waits in the kernel, or is lost with the connections.
    /// </summary>
    public void Pause(bool losesMail)
    {
        Machine.IsPaused = true;
        _losesMail = losesMail;
    }

    /// <summary>One loop, by its place, turns no more; 0 is that of raft.</summary>
    public void Stall(int loop) => _pumps[loop % _pumps.Count].IsStalled = true;

    public void EndStalls()
    {
        foreach (SimPump pump in _pumps.Where(static pump => pump.IsStalled))
        {
            pump.IsStalled = false;
            pump.Resume();
        }
    }

    /// <summary>Undoes <see cref="Pause"/> and whatever slowed the machine.</summary>
    public void Resume()
    {
        Machine.IsPaused = false;
        foreach (SimPump pump in _pumps)
        {
            pump.Resume();
        }

        Action[] mail = [.. _mailWhilePaused];
        _mailWhilePaused.Clear();
        foreach (Action each in mail)
        {
            each();
        }
    }

    public void Receive(StoreId from, Incarnation incarnation, StoreEnvelope envelope)
    {
        if (_store is null)
        {
            return;
        }

        if (Machine.IsPaused)
        {
            KeepMail(() => Receive(from, incarnation, envelope));
            return;
        }

        Received++;
        VotesAsked += envelope.Messages.Count(message => message.Kind == (uint)MessageKind.Vote);
        _store.OnEnvelope(from, incarnation, envelope);
    }

    /// <summary>Regions this store leads now, in the loop's own words.</summary>
    public int CountLeaders() => Ask(status => status.LeaderCount);

    /// <summary>Peers that tick now, in the loop's own words.</summary>
    public int CountAwake() => Ask(status => status.AwakeCount);

    /// <summary>Gets of this life that were not in memory.</summary>
    public long CountDiskReads() => Ask(status => (int)status.DiskReadCount);

    /// <summary>Peers that stopped or were quarantined, with the reason.</summary>
    public IReadOnlyList<(ulong Region, string Reason)> Stopped()
    {
        IReadOnlyList<(ulong, string)> stopped = [];
        _store?.Describe(status => stopped = status.Stopped);
        _store?.Pumps[0].RunOnce();
        return stopped;
    }

    /// <summary>A request from a client; nothing happens when the store is down.</summary>
    public void Submit(Request request, Action<Response> answer)
    {
        if (_store is null)
        {
            return;
        }

        if (Machine.IsPaused)
        {
            KeepMail(() => Submit(request, answer));
            return;
        }

        _store.Door.Submit(request, new Sink(answer));
    }

    private void KeepMail(Action mail)
    {
        if (!_losesMail && _mailWhilePaused.Count < MailWhilePausedMax)
        {
            _mailWhilePaused.Add(mail);
        }
    }

    private int Ask(Func<Kv.Store.StoreStatus, int> number)
    {
        int count = 0;
        _store?.Describe(status => count = number(status));
        _store?.Pumps[0].RunOnce();
        return count;
    }

    private void AddPump(Pump pump, string name, int delayNs, bool usesDisk) =>
        _pumps.Add(new SimPump(
            pump, _events, _random, $"{Id}.{name}", delayNs, usesDisk, Machine, Clock, failure => Fail(name, failure)));

    private void Fail(string loop, Exception failure)
    {
        if (failure is StorageException or EngineException or PowerCutException)
        {
            DiskFailed(this, failure);
            return;
        }

        Problem($"store {Id}, loop {loop}: {failure}");
        StopPumps();
    }

    private void LeaveDisks(LifeEnd end)
    {
        switch (end)
        {
            case LifeEnd.ProcessKill:
                _files.KillProcess();
                _engineDisk.ProcessKill(_random);
                break;
            case LifeEnd.PowerCut:
                _files.Crash(_random);
                _engineDisk.PowerCut(_random);
                break;
            case LifeEnd.PowerCutToDurable:
                _files.CrashToDurable();
                _engineDisk.PowerCut(_random);
                break;
            default:
                throw Invariant.Unreachable(end);
        }

        _driver = null;
        _log = null;
        _engine = null;
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
