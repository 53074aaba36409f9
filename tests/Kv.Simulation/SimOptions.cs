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

    /// <summary>Virtual seconds with faults; after them a healed phase must answer everything.</summary>
    public int FaultSeconds { get; init; } = 20;

    /// <summary>Crashes of one store during the faults; each comes back after a while.</summary>
    public int Crashes { get; init; } = 2;

    public int Clients { get; init; } = 2;

    public int KeysPerClient { get; init; } = 20;

    /// <summary>Print every event: for finding where two runs part.</summary>
    public bool Verbose { get; init; }
}
