using Kv.Base;
using Kv.Engine.Log;
using Kv.Simulation.Faults;
using Kv.Simulation.Workload;
using Kv.Store;

namespace Kv.Simulation;

/// <summary>
/// What a run is made of; everything else follows from the seed. <see cref="Draw"/> makes a world from a seed, tests
/// set what they need.
/// </summary>
public sealed record SimOptions
{
    public required ulong Seed { get; init; }

    public int Stores { get; init; } = 3;

    /// <summary>User regions, beside the system region.</summary>
    public int Regions { get; init; } = 4;

    /// <summary>Virtual seconds with faults; after them a majority is healed and must answer everything.</summary>
    public int FaultSeconds { get; init; } = 20;

    /// <summary>Which faults may happen.</summary>
    public IReadOnlySet<FaultKind> Faults { get; init; } = new SortedSet<FaultKind>();

    /// <summary>Kinds the schedule is drawn from, whether on or not; null = those that are on.</summary>
    public IReadOnlySet<FaultKind>? ScheduleKinds { get; init; }

    /// <summary>Mean time between two faults of the schedule.</summary>
    public int FaultIntervalMs { get; init; } = 4_000;

    /// <summary>Faults of the schedule that are left out, by number: how a failing run is made smaller.</summary>
    public IReadOnlySet<int> LeftOut { get; init; } = new SortedSet<int>();

    /// <summary>How often each fault of the network strikes a message, where its kind is on.</summary>
    public NetworkRates Rates { get; init; } = NetworkRates.Usual;

    /// <summary>Share of the places in the code that may take their rarer way in this run.</summary>
    public double BuggifyArmed { get; init; }

    /// <summary>How often an armed place takes it.</summary>
    public double BuggifyFires { get; init; } = 0.25;

    /// <summary>Most that a store's clock runs fast or slow, as a share.</summary>
    public double ClockDrift { get; init; }

    /// <summary>Most that a store's wall clock is off when it starts and after a jump.</summary>
    public int WallOffsetMinutes { get; init; }

    /// <summary>After the faults a minority stays broken for ever.</summary>
    public bool MinorityStaysBroken { get; init; }

    /// <summary>After the faults two whole stores never hear each other again, and everybody else hears both.</summary>
    public bool LinkStaysCut { get; init; }

    /// <summary>Most time that a read loop waits for its turn, besides what is usual; 0 = none.</summary>
    public int ReadDelayMs { get; init; }

    /// <summary>Time that every message takes on its way, besides what is drawn.</summary>
    public int NetworkDelayMs { get; init; }

    public LoadOptions Load { get; init; } = new();

    /// <summary>A checker is told a lie that it must find: shows that the harness is alive.</summary>
    public bool Canary { get; init; }

    /// <summary>A disk that begins to fail; null = none does.</summary>
    public SimDiskFault? DiskFault { get; init; }

    public StoreOptions Store { get; init; } = StoreOptions.Default;

    public SharedLogOptions Log { get; init; } = new() { SegmentBytes = 256 * 1024 };

    /// <summary>Draws a world: which faults, how often, how many stores and regions, what load, which limits.</summary>
    public static SimOptions Draw(ulong seed, int? stores = null, int? regions = null, int? faultSeconds = null)
    {
        var random = new DeterministicRandom(seed ^ 0x5157_4152_4d00_0000);
        int drawnStores = random.Next(3, 6);
        int drawnRegions = random.Next(1, 9);
        bool leases = random.Chance(0.9);
        double drift = random.Chance(0.5) ? 0 : leases ? 0.05 : 0.5;
        return new SimOptions
        {
            Seed = seed,
            Stores = stores ?? drawnStores,
            Regions = regions ?? drawnRegions,
            FaultSeconds = faultSeconds ?? 40,
            Faults = DrawFaults(random),
            FaultIntervalMs = random.Next(1_000, 8_000),
            Rates = NetworkRates.Draw(random),
            BuggifyArmed = random.Chance(0.7) ? 0.25 : 0,
            ClockDrift = drift,
            WallOffsetMinutes = random.Chance(0.5) ? 60 : 0,
            MinorityStaysBroken = random.Chance(0.5),
            NetworkDelayMs = random.Chance(0.2) ? random.Next(5, 120) : 0,
            Load = LoadOptions.Draw(random),
            Log = new SharedLogOptions
            {
                SegmentBytes = 4096 << random.Next(0, 7),
                SparesMax = random.Next(0, 3),
                CacheBytesMax = random.Chance(0.5) ? 0 : 1024 * 1024,
            },
            Store = StoreOptions.Default with
            {
                LeaseMs = leases ? StoreOptions.Default.LeaseMs : 0,
                LogBytesTarget = 16 * 1024 << random.Next(0, 6),
                DurableIntervalMs = random.Next(100, 1_500),
                SleepAfterMs = random.Next(1_000, 5_000),
                EntryBytesTarget = random.Chance(0.3) ? 200 : StoreOptions.Default.EntryBytesTarget,
            },
            LinkStaysCut = random.Chance(0.25),
            ReadDelayMs = random.Chance(0.2) ? random.Next(1, 200) : 0,
        };
    }

    private static SortedSet<FaultKind> DrawFaults(DeterministicRandom random)
    {
        // Now and then a world without faults: then nothing may fail at all.
        var kinds = new SortedSet<FaultKind>();
        double share = random.Chance(0.03) ? 0 : 0.1 + (random.NextDouble() * 0.5);
        foreach (FaultKind kind in FaultKinds.All)
        {
            if (random.Chance(share))
            {
                kinds.Add(kind);
            }
        }

        return kinds;
    }
}

/// <summary>How often a fault strikes one message, each where its kind is on.</summary>
public sealed record NetworkRates
{
    public static readonly NetworkRates Usual = new();

    public double Loss { get; init; } = 0.02;

    public double Duplicate { get; init; } = 0.01;

    /// <summary>A message that takes up to <see cref="DelayMsMax"/> longer.</summary>
    public double Delay { get; init; } = 0.01;

    public int DelayMsMax { get; init; } = 50;

    /// <summary>A message that is kept back a little, so that later ones overtake it.</summary>
    public double Reorder { get; init; } = 0.05;

    /// <summary>A message that comes a second time, seconds later, whatever happened to its sender since.</summary>
    public double Replay { get; init; } = 0.002;

    public double Corrupt { get; init; } = 0.01;

    public double Refused { get; init; } = 0.02;

    /// <summary>A connection between a client and a store that breaks at a message.</summary>
    public double Reset { get; init; } = 0.005;

    /// <summary>An answer to a client that is lost with its connection.</summary>
    public double ReplyLost { get; init; } = 0.02;

    public static NetworkRates Draw(DeterministicRandom random) => new()
    {
        Loss = random.NextDouble() * random.NextDouble() * 0.3,
        Duplicate = random.NextDouble() * random.NextDouble() * 0.5,
        Delay = random.NextDouble() * 0.05,
        DelayMsMax = random.Next(10, 3_000),
        Reorder = random.NextDouble() * 0.3,
        Replay = random.NextDouble() * 0.01,
        Corrupt = random.NextDouble() * 0.03,
        Refused = random.NextDouble() * 0.1,
        Reset = random.NextDouble() * 0.01,
        ReplyLost = random.NextDouble() * random.NextDouble() * 0.5,
    };
}
