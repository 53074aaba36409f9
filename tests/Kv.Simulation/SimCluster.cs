// Owns a run: founds a cluster of the shipped stores, placement and clients in one thread, lets faults happen, heals,
// and checks that everything acknowledged is there and everything open ends.
using Kv.Base;
using Kv.Placement;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Simulation;

public sealed partial class SimCluster
{
    private readonly SimOptions _options;
    private readonly SimClock _clock = new();
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly SimNetwork _network;
    private readonly List<SimStore> _stores = [];
    private readonly List<SimClient> _clients = [];
    private readonly Dictionary<(RegionId, SessionId, ulong), LogIndex> _applied = [];
    private readonly List<string> _problems = [];

    public SimCluster(SimOptions options)
    {
        _options = options;
        _random = new DeterministicRandom(options.Seed);
        _events = new EventQueue(_clock, _random.Fork());
        _network = new SimNetwork(_events, _random.Fork(), options);
    }

    /// <summary>Runs the whole script and reports. Same options, same report, same hash.</summary>
    public SimReport Run()
    {
        Found();
        foreach (SimClient client in _clients)
        {
            client.Begin();
        }

        Instant faultsEnd = _clock.Now.PlusMs(_options.FaultSeconds * 1_000L);
        ScheduleCrashes();
        ScheduleDiskFault();
        RunUntil(faultsEnd);
        Heal();
        RunUntil(_clock.Now.PlusMs(15_000));
        foreach (SimClient client in _clients)
        {
            client.Stop();
        }

        RunUntil(_clock.Now.PlusMs(15_000));
        foreach (SimClient client in _clients)
        {
            if (client.Open > 0)
            {
                _problems.Add($"{client.Open} operations of a client never ended after the faults were healed");
            }

            client.VerifyAll(_problems.Add);
        }

        RunUntil(_clock.Now.PlusMs(15_000));
        CheckStores();
        return Report();
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
            cluster, founders, nextId, (ulong)Store.StoreOptions.Default.LeaseMs,
            (ulong)Store.StoreOptions.Default.LeaseDriftMs);
        foreach (StoreInfo founder in founders)
        {
            var store = new SimStore(
                founder, founders, cluster, seed, _options, _clock, _events, _random.Fork(), _network)
            {
                Applied = OnApplied,
                PromiseBroken = _problems.Add,
            };
            _network.Attach(store);
            store.Found(regions);
            store.Start();
            _stores.Add(store);
        }

        List<string> seeds = founders.ConvertAll(founder => founder.ClientAddress);
        for (int i = 0; i < _options.Clients; i++)
        {
            _clients.Add(new SimClient(i, seeds, _options, _clock, _events, _random.Fork(), _network));
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

    private void ScheduleCrashes()
    {
        for (int i = 0; i < _options.Crashes; i++)
        {
            // Within the fault phase, one store at a time: a majority always lives.
            long window = _options.FaultSeconds * 1_000L / _options.Crashes;
            long at = (i * window) + 2_000 + _random.Next((int)Math.Max(1, (window / 2) - 2_000));
            SimStore victim = _stores[_random.Next(_stores.Count)];
            _events.At(_clock.Now.PlusMs(at), $"crash {victim.Id}", victim.Crash);
            _events.At(
                _clock.Now.PlusMs(at + 500 + _random.Next((int)(window / 3))), $"start {victim.Id}", victim.Start);
        }
    }

    private void Heal()
    {
        _network.Faulty = false;
        foreach (SimStore store in _stores)
        {
            if (!store.IsUp)
            {
                store.Start();
            }
        }
    }

    private void RunUntil(Instant end)
    {
        while (_events.TakeOne(end))
        {
        }

        _clock.MoveTo(end);
    }

    /// <summary>
    /// Invariant 13: a write of a session takes effect at one index at most, the same on every store.
    /// </summary>
    private void OnApplied(SimStore store, RegionId region, LogIndex index, CommandIdentity identity)
    {
        if (region == RegionId.System)
        {
            return;
        }

        (RegionId, SessionId, ulong) key = (region, identity.Session, identity.Sequence);
        if (_applied.TryGetValue(key, out LogIndex before) && before != index)
        {
            _problems.Add($"region {region}: sequence {identity.Sequence} took effect at {before} and at {index}");
        }

        _applied[key] = index;
    }

    private void CheckStores()
    {
        foreach (SimStore store in _stores)
        {
            if (store.Failure is not null)
            {
                _problems.Add($"store {store.Id} failed: {store.Failure}");
            }
        }
    }

    private SimReport Report() => new()
    {
        Seed = _options.Seed,
        Hash = _events.Hash,
        Events = _events.Taken,
        Begun = _clients.Sum(client => client.Begun),
        TookEffect = _applied.Count,
        Acknowledged = _clients.Sum(client => client.Acknowledged),
        Reads = _clients.Sum(client => client.Reads),
        Undetermined = _clients.Sum(client => client.Undetermined),
        Failed = _clients.Sum(client => client.Failed),
        Messages = _network.Sent,
        LostMessages = _network.Lost,
        AwakePeers = _stores.Sum(store => store.CountAwake()),
        DiskReads = _stores.Sum(store => store.CountDiskReads()),
        DiskFault = ReportDiskFault(),
        Problems = _problems,
    };
}

/// <summary>What a run did and what it found.</summary>
public sealed record SimReport
{
    public required ulong Seed { get; init; }

    public required ulong Hash { get; init; }

    public required long Events { get; init; }

    /// <summary>Writes begun by clients.</summary>
    public required long Begun { get; init; }

    /// <summary>Different writes, by session and sequence, that took effect in some region.</summary>
    public required long TookEffect { get; init; }

    public required long Acknowledged { get; init; }

    public required long Reads { get; init; }

    /// <summary>Gets that were not in memory, in the stores' last lives.</summary>
    public required long DiskReads { get; init; }

    public required long Undetermined { get; init; }

    public required long Failed { get; init; }

    public required long Messages { get; init; }

    public required long LostMessages { get; init; }

    /// <summary>Peers that still tick after the quiet at the end.</summary>
    public required int AwakePeers { get; init; }

    /// <summary>Null when no disk was to fail.</summary>
    public required SimDiskFaultReport? DiskFault { get; init; }

    public required IReadOnlyList<string> Problems { get; init; }
}
