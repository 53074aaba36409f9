using Kv.Engine.Log;
using Kv.Store;

namespace Kv.Simulation;

/// <summary>What a run is made of. Everything else follows from the seed.</summary>
public sealed record SimOptions
{
    public required ulong Seed { get; init; }

    public int Stores { get; init; } = 3;

    /// <summary>User regions, beside the system region.</summary>
    public int Regions { get; init; } = 4;

    /// <summary>Share of messages between stores, and between client and stores, that are lost.</summary>
    public double Loss { get; init; } = 0.02;

    /// <summary>Share of messages between stores that arrive twice.</summary>
    public double Duplicate { get; init; } = 0.01;

    /// <summary>Time that every message takes on its way, besides what is drawn.</summary>
    public int NetworkDelayMs { get; init; }

    /// <summary>Virtual seconds with faults; after them a healed phase must answer everything.</summary>
    public int FaultSeconds { get; init; } = 20;

    /// <summary>Crashes of one store during the faults; each comes back after a while.</summary>
    public int Crashes { get; init; } = 2;

    public int Clients { get; init; } = 2;

    public int KeysPerClient { get; init; } = 20;

    /// <summary>Share of operations that write.</summary>
    public double WriteShare { get; init; } = 0.5;

    /// <summary>Share of writes that delete.</summary>
    public double DeleteShare { get; init; } = 0.2;

    /// <summary>
    /// Every second answer to a write is lost with its connection, so that the client must ask again.
    /// </summary>
    public bool DropEverySecondReply { get; init; }

    /// <summary>Crash the store that leads most regions instead of a drawn one.</summary>
    public bool CrashLeaders { get; init; }

    /// <summary>A disk that begins to fail; null = none does.</summary>
    public SimDiskFault? DiskFault { get; init; }

    public StoreOptions Store { get; init; } = StoreOptions.Default;

    public SharedLogOptions Log { get; init; } = new() { SegmentBytes = 256 * 1024 };
}
