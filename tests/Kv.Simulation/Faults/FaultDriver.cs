// Owns the faults of the schedule: does each at its time, undoes it after its length, brings ended stores back, and at
// the end of the safety phase heals a majority for good.
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Simulation.Faults;

public sealed class FaultDriver
{
    private const int DyingMsMax = 1_000;
    private const double PowerCutAfterStartRate = 0.3;

    private readonly SimOptions _options;
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly FaultLog _log;
    private readonly SimNetwork _network;
    private readonly IReadOnlyList<SimStore> _stores;
    private readonly List<string> _done = [];
    private readonly HashSet<StoreId> _rotten = [];
    private bool _healed;

    public FaultDriver(
        SimOptions options, EventQueue events, DeterministicRandom random, FaultLog log, SimNetwork network,
        IReadOnlyList<SimStore> stores)
    {
        _options = options;
        _events = events;
        _log = log;
        _network = network;
        _stores = stores;
        Schedule = FaultSchedule.Draw(options, random.Fork());
        _random = random;
    }

    public IReadOnlyList<PlannedFault> Schedule { get; }

    /// <summary>What was done, in order, for the report of a failure.</summary>
    public IReadOnlyList<string> Done => _done;

    /// <summary>Stores that stay broken for ever after the healing.</summary>
    public IReadOnlySet<StoreId> Broken { get; private set; } = new HashSet<StoreId>();

    /// <summary>Whether one of them still runs, on a disk that answers nothing.</summary>
    public bool HangsForEver { get; private set; }

    public void Begin()
    {
        Instant start = _events.Now;
        foreach (PlannedFault fault in Schedule)
        {
            if (_options.Faults.Contains(fault.Kind) && !_options.LeftOut.Contains(fault.Number))
            {
                _events.At(start.PlusMs(fault.AtMs), $"fault {fault.Kind}", () => Do(fault));
            }
        }
    }

    /// <summary>
    /// A disk has failed under a loop: the process lives on for a moment, then it ends and comes back.
    /// </summary>
    public void OnDiskFailed(SimStore store, Exception failure)
    {
        int life = store.Life;
        bool powerIsOut = failure is PowerCutException;
        long dyingMs = powerIsOut ? 0 : _random.Next(DyingMsMax);
        LifeEnd end = powerIsOut ? LifeEnd.PowerCut
            : _random.Chance(0.5) ? LifeEnd.PowerCutToDurable : LifeEnd.ProcessKill;
        Note($"store {store.Id} ends in {dyingMs} ms: {failure.Message}");
        if (powerIsOut)
        {
            EndAndReturn(store, end, _random.Next(50, 3_000));
            return;
        }

        _events.After(dyingMs * 1_000_000, $"s{store.Id} dies", () =>
        {
            if (store.IsUp && store.Life == life)
            {
                EndAndReturn(store, end, _random.Next(50, 3_000));
            }
        });
    }

    /// <summary>
    /// Ends the faults. A majority is whole from now on; with <see cref="SimOptions.MinorityStaysBroken"/> the others
    /// stay dead, cut off, paused or without a disk for ever.
    /// </summary>
    public void Heal()
    {
        _healed = true;
        _log.Active = false;
        _network.HealAll();
        int brokenCount = _options.MinorityStaysBroken ? (_stores.Count - 1) / 2 : 0;
        var broken = new HashSet<StoreId>(_rotten);
        while (broken.Count < brokenCount)
        {
            broken.Add(_stores[_random.Next(_stores.Count)].Id);
        }

        Broken = broken;
        foreach (SimStore store in _stores)
        {
            if (_rotten.Contains(store.Id))
            {
                Note($"store {store.Id} stays broken: damaged");
            }
            else if (broken.Contains(store.Id))
            {
                Break(store);
            }
            else
            {
                Mend(store);
            }
        }

        if (_options.LinkStaysCut)
        {
            CutLinkForEver();
        }
    }

    /// <summary>Whoever leads still reaches a majority, so everything must go on.</summary>
    private void CutLinkForEver()
    {
        List<StoreId> whole = [.. _stores.Select(store => store.Id).Where(id => !Broken.Contains(id))];
        if (whole.Count - 1 <= _stores.Count / 2)
        {
            return;
        }

        int first = _random.Next(whole.Count);
        int second = (first + 1 + _random.Next(whole.Count - 1)) % whole.Count;
        CutBothWays(SimNetwork.EndpointOf(whole[first]), SimNetwork.EndpointOf(whole[second]), cut: true);
        Note($"stores {whole[first]} and {whole[second]} stay cut off from each other");
    }

    private void Do(PlannedFault fault)
    {
        if (_healed || !TryDo(fault))
        {
            return;
        }

        _log.Count(fault.Kind);
        Note(fault.ToString());
    }

    private bool TryDo(PlannedFault fault) => fault.Kind switch
    {
        FaultKind.PartitionHalves or FaultKind.PartitionOne or FaultKind.PartitionBridge or FaultKind.PartitionRing
            or FaultKind.PartitionOneWay or FaultKind.ClientsCutOff => Partition(fault),
        FaultKind.LinkClog or FaultKind.SwizzleClog => Clog(fault),
        FaultKind.ProcessKill => End(fault, LifeEnd.ProcessKill),
        FaultKind.PowerCut => End(fault, LifeEnd.PowerCut),
        FaultKind.FastRestart => End(fault, fault.VictimB % 2 == 0 ? LifeEnd.ProcessKill : LifeEnd.PowerCut),
        FaultKind.PowerCutAll => EndAll(fault),
        FaultKind.PowerCutMidWrite => CutMidWrite(fault),
        FaultKind.ProcessPause or FaultKind.LongPause => Pause(fault),
        FaultKind.SlowCpu or FaultKind.SlowDisk or FaultKind.StuckDisk => Slow(fault),
        FaultKind.ClockRate or FaultKind.WallJump => ChangeClock(fault),
        FaultKind.SyncError => FailDisk(fault, new SimDiskFault(SyncSites.LogSegmentSync, "EIO", AtStart: false)),
        FaultKind.WriteError => FailDisk(fault, new SimDiskFault(SyncSites.LogSegmentWrite, "ENOSPC", AtStart: false)),
        FaultKind.ShortWrite => FailDisk(
            fault, new SimDiskFault(SyncSites.LogSegmentWrite, FaultInjectingFileSystem.ShortWrite, AtStart: false)),
        FaultKind.EngineWriteError => FailDisk(
            fault, new SimDiskFault(SimDiskFault.EngineWrite, "EIO", AtStart: false)),
        FaultKind.EngineSyncError => FailDisk(fault, new SimDiskFault(SimDiskFault.EngineSync, "EIO", AtStart: false)),
        FaultKind.ReadErrorAtStart => FailAtStart(fault),
        FaultKind.LeaderTransfer => Transfer(fault),
        FaultKind.LogBitRot => Rot(fault),
        FaultKind.LoopStall => Stall(fault),
        FaultKind.RestartBehindCut => RestartBehindCut(fault),
        FaultKind.TransferStorm => TransferAgain(fault, _events.Now.PlusMs(fault.LengthMs)),
        _ => throw Invariant.Unreachable(fault.Kind),
    };

    private SimStore VictimOf(PlannedFault fault) => _stores[fault.VictimA % _stores.Count];

    private bool End(PlannedFault fault, LifeEnd end)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp)
        {
            return false;
        }

        EndAndReturn(store, end, fault.LengthMs);
        return true;
    }

    private bool EndAll(PlannedFault fault)
    {
        LifeEnd end = fault.VictimB % 2 == 0 ? LifeEnd.PowerCut : LifeEnd.PowerCutToDurable;
        bool any = false;
        foreach (SimStore store in _stores)
        {
            if (store.IsUp)
            {
                any = true;
                EndAndReturn(store, end, 10 + _random.Next((int)fault.LengthMs));
            }
        }

        return any;
    }

    private bool CutMidWrite(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp)
        {
            return false;
        }

        store.CutPowerAfter(1 + (fault.VictimB % 25));
        return true;
    }

    private bool FailDisk(PlannedFault fault, SimDiskFault disk)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp)
        {
            return false;
        }

        store.FailDisk(disk);
        return true;
    }

    private bool FailAtStart(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp)
        {
            return false;
        }

        store.End(LifeEnd.ProcessKill);
        string site = fault.VictimB % 2 == 0 ? SyncSites.FileRead : SyncSites.FileOpen;
        store.FailDisk(new SimDiskFault(site, "EIO", AtStart: true));
        TryStart(store);
        if (!store.IsUp)
        {
            ReturnAfter(store, fault.LengthMs);
        }

        return true;
    }

    /// <summary>
    /// A log rots while its store is down. The store must notice: it does not start again, and is one of those that
    /// stay broken.
    /// </summary>
    private bool Rot(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp || _rotten.Count >= (_stores.Count - 1) / 2)
        {
            return false;
        }

        store.End(LifeEnd.ProcessKill);
        if (store.RotLogBit() is not { } bit)
        {
            ReturnAfter(store, fault.LengthMs);
            return true;
        }

        Note($"{bit} of store {store.Id} rots");
        TryStart(store);
        if (!store.IsUp)
        {
            _rotten.Add(store.Id);
        }

        return true;
    }

    /// <summary>
    /// Two stores do not hear each other, and those that hear both are back so soon after an end that their leader
    /// misses nothing: what they promised it they must still know (Lease law).
    /// </summary>
    private bool RestartBehindCut(PlannedFault fault)
    {
        int one = fault.VictimA % _stores.Count;
        int other = (one + 1 + (fault.VictimB % (_stores.Count - 1))) % _stores.Count;
        CutBothWays(one, other, cut: true);
        AfterUnlessHealed(fault.LengthMs, "link heals", () => CutBothWays(one, other, cut: false));
        for (long atMs = 1_500; atMs < fault.LengthMs; atMs += _random.Next(600, 1_500))
        {
            AfterUnlessHealed(atMs, "restarts behind a cut", () =>
            {
                for (int i = 0; i < _stores.Count; i++)
                {
                    if (i != one && i != other && _stores[i].IsUp)
                    {
                        EndAndReturn(_stores[i], LifeEnd.ProcessKill, _random.Next(10, 150));
                    }
                }
            });
        }

        return true;
    }

    private void CutBothWays(int one, int other, bool cut)
    {
        _network.Cut(one, other, cut);
        _network.Cut(other, one, cut);
    }

    private bool Pause(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp || store.Machine.IsPaused)
        {
            return false;
        }

        int life = store.Life;
        store.Pause(losesMail: fault.VictimB % 2 == 0);
        AfterUnlessHealed(fault.LengthMs, $"s{store.Id} goes on", () =>
        {
            if (store.IsUp && store.Life == life)
            {
                store.Resume();
            }
        });
        return true;
    }

    /// <summary>One thread of a store does not run, and the others do: every second time that of raft.</summary>
    private bool Stall(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp)
        {
            return false;
        }

        int life = store.Life;
        store.Stall(fault.VictimB % 2 == 0 ? 0 : fault.VictimB / 2);
        AfterUnlessHealed(fault.LengthMs, $"loop of s{store.Id} goes on", () =>
        {
            if (store.IsUp && store.Life == life)
            {
                store.EndStalls();
            }
        });
        return true;
    }

    private bool Slow(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (!store.IsUp)
        {
            return false;
        }

        int life = store.Life;
        SimMachine machine = store.Machine;
        switch (fault.Kind)
        {
            case FaultKind.SlowCpu:
                machine.CpuFactor = 50 + (fault.VictimB % 2_000);
                break;
            case FaultKind.SlowDisk:
                machine.DiskDelayNs = 1_000_000L * (1 + (fault.VictimB % 1_000));
                break;
            default:
                machine.DiskIsStuck = true;
                break;
        }

        AfterUnlessHealed(fault.LengthMs, $"s{store.Id} is quick again", () =>
        {
            if (store.IsUp && store.Life == life)
            {
                Quicken(store);
            }
        });
        return true;
    }

    private bool ChangeClock(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (fault.Kind == FaultKind.ClockRate)
        {
            if (_options.ClockDrift == 0)
            {
                return false;
            }

            store.Clock.SetRate(1 + (_options.ClockDrift * (((fault.VictimB % 2_001) - 1_000) / 1_000.0)));
            if (store.IsUp && !store.Machine.IsPaused)
            {
                store.Resume();
            }

            return true;
        }

        store.Clock.WallOffset = TimeSpan.FromSeconds(fault.VictimB % (2 * 3_600) - 3_600);
        return true;
    }

    private bool Partition(PlannedFault fault)
    {
        List<(int From, int To)> links = Partitions.Links(fault, _stores.Count, _options.Load.Clients);
        if (links.Count == 0)
        {
            return false;
        }

        foreach ((int from, int to) in links)
        {
            _network.Cut(from, to, cut: true);
        }

        AfterUnlessHealed(fault.LengthMs, "links heal", () =>
        {
            foreach ((int from, int to) in links)
            {
                _network.Cut(from, to, cut: false);
            }
        });
        return true;
    }

    private bool Clog(PlannedFault fault)
    {
        int victim = fault.VictimA % _stores.Count;
        for (int other = 0; other < _stores.Count; other++)
        {
            if (other == victim)
            {
                continue;
            }

            // A swizzle opens the links again one by one, in an order of its own.
            bool swizzle = fault.Kind == FaultKind.SwizzleClog;
            if (swizzle || other == (victim + 1 + (fault.VictimB % (_stores.Count - 1))) % _stores.Count)
            {
                long there = swizzle ? _random.Next((int)fault.LengthMs) : fault.LengthMs;
                long back = swizzle ? _random.Next((int)fault.LengthMs) : fault.LengthMs * (fault.VictimB % 2);
                _network.Clog(victim, other, _events.Now.PlusMs(there));
                _network.Clog(other, victim, _events.Now.PlusMs(back));
            }
        }

        return true;
    }

    private bool Transfer(PlannedFault fault)
    {
        SimStore store = VictimOf(fault);
        if (store.Store is not { } local)
        {
            return false;
        }

        var region = new RegionId((ulong)(1 + (fault.VictimB % (_options.Regions + 1))));
        local.TransferLeader(region, _stores[(fault.VictimB / 16) % _stores.Count].Id, static _ => { });
        return true;
    }

    private bool TransferAgain(PlannedFault fault, Instant end)
    {
        foreach (SimStore store in _stores)
        {
            var region = new RegionId((ulong)(1 + _random.Next(_options.Regions + 1)));
            store.Store?.TransferLeader(region, _stores[_random.Next(_stores.Count)].Id, static _ => { });
        }

        AfterUnlessHealed(_random.Next(20, 600), "transfer again", () =>
        {
            if (_events.Now < end)
            {
                TransferAgain(fault, end);
            }
        });
        return true;
    }

    private void Break(SimStore store)
    {
        int how = _random.Next(4);
        string word = how switch { 0 => "dead", 1 => "cut off", 2 => "paused", _ => "disk stuck" };
        Note($"store {store.Id} stays broken: {word}");
        switch (how)
        {
            case 0:
                store.End(LifeEnd.PowerCut);
                break;
            case 1:
                for (int endpoint = 0; endpoint < _stores.Count + _options.Load.Clients; endpoint++)
                {
                    _network.Cut(SimNetwork.EndpointOf(store.Id), endpoint, cut: true);
                    _network.Cut(endpoint, SimNetwork.EndpointOf(store.Id), cut: true);
                }

                break;
            case 2:
                store.Pause(losesMail: false);
                break;
            default:
                store.Machine.DiskIsStuck = true;
                HangsForEver = true;
                break;
        }
    }

    private void Mend(SimStore store)
    {
        store.HealDisk();
        if (!store.IsUp)
        {
            store.Start();
            return;
        }

        Quicken(store);
    }

    private static void Quicken(SimStore store)
    {
        store.Machine.CpuFactor = 1;
        store.Machine.DiskDelayNs = 0;
        store.Machine.DiskIsStuck = false;
        store.EndStalls();
        store.Resume();
    }

    private void EndAndReturn(SimStore store, LifeEnd end, long awayMs)
    {
        store.End(end);
        ReturnAfter(store, awayMs);
    }

    private void ReturnAfter(SimStore store, long awayMs) =>
        _events.After(awayMs * 1_000_000, $"s{store.Id} comes back", () =>
        {
            if (store.IsUp || Broken.Contains(store.Id) || _rotten.Contains(store.Id))
            {
                return;
            }

            store.HealDisk();
            TryStart(store);
            Invariant.Require(store.IsUp, $"store {store.Id} does not start on a healthy disk");
            MaybeCutPowerAgain(store);
        });

    /// <summary>The disk is slow after the start, and before it has done much the power goes again.</summary>
    private void MaybeCutPowerAgain(SimStore store)
    {
        if (!_log.Strikes(FaultKind.PowerCutAfterStart, PowerCutAfterStartRate))
        {
            return;
        }

        int life = store.Life;
        store.Machine.DiskDelayNs = _random.Next(2_000) * 1_000_000L;
        AfterUnlessHealed(_random.Next(1, 1_000), $"power of s{store.Id} goes again", () =>
        {
            if (store.IsUp && store.Life == life)
            {
                Note($"store {store.Id} loses power soon after its start");
                EndAndReturn(store, LifeEnd.PowerCut, _random.Next(20, 1_000));
            }
        });
    }

    private void TryStart(SimStore store)
    {
        try
        {
            store.Start();
        }
        catch (Exception e) when (e is StorageException or EngineException or PowerCutException or LogDamagedException)
        {
            Note($"store {store.Id} does not start: {e.Message}");
        }
    }

    private void AfterUnlessHealed(long ms, string name, Action run) => _events.After(ms * 1_000_000, name, () =>
    {
        if (!_healed)
        {
            run();
        }
    });

    private void Note(string text) => _done.Add($"{_events.Now.Nanoseconds / 1e6:F1} ms: {text}");
}
