using Kv.Base;

namespace Kv.Simulation.Workload;

/// <summary>What clients do.</summary>
public sealed record LoadOptions
{
    public int Clients { get; init; } = 2;

    /// <summary>Operations that one client has under way at a time.</summary>
    public int ThreadsPerClient { get; init; } = 10;

    /// <summary>Keys that all clients share, spread over the key space.</summary>
    public int Keys { get; init; } = 40;

    /// <summary>Most time between the end of an operation and the next of its thread.</summary>
    public int ThinkMsMax { get; init; } = 200;

    /// <summary>Share of operations that write.</summary>
    public double WriteShare { get; init; } = 0.5;

    /// <summary>Share of writes that delete.</summary>
    public double DeleteShare { get; init; } = 0.2;

    /// <summary>Share of reads that ask for a round to a quorum.</summary>
    public double ReadIndexShare { get; init; } = 0.2;

    /// <summary>Share of those that ask any store, while faults happen; the others ask who should lead.</summary>
    public double AnyStoreShare { get; init; }

    /// <summary>Share of reads that scan a few keys.</summary>
    public double ScanShare { get; init; } = 0.05;

    /// <summary>Share of the other reads that ask for several keys.</summary>
    public double MultiGetShare { get; init; } = 0.05;

    /// <summary>Share of reads of one key that only ask whether it exists.</summary>
    public double ExistsShare { get; init; } = 0.05;

    /// <summary>Share of writes of several keys at once.</summary>
    public double BatchShare { get; init; } = 0.05;

    /// <summary>Share of the other writes that delete a range.</summary>
    public double RangeShare { get; init; } = 0.02;

    /// <summary>Share of writes that have a condition, tell what was there before, or hand out numbers.</summary>
    public double GuardedShare { get; init; } = 0.3;

    /// <summary>Most bytes of a value; few are that long.</summary>
    public int ValueBytesMax { get; init; } = 1_024;

    /// <summary>
    /// Every second answer to a write is lost with its connection, so that the client must ask again.
    /// </summary>
    public bool DropEverySecondReply { get; init; }

    public static LoadOptions Draw(DeterministicRandom random)
    {
        int clients = random.Next(2, 5);
        int threads = random.Next(2, 6);
        return new LoadOptions
        {
            Clients = clients,
            ThreadsPerClient = threads,
            Keys = random.Next(4, 40),

            // About 25 to 60 operations in a second over all threads.
            ThinkMsMax = clients * threads * random.Next(25, 60),
            WriteShare = 0.2 + (random.NextDouble() * 0.6),
            DeleteShare = random.NextDouble() * 0.4,
            ReadIndexShare = random.Chance(0.3) ? 0.9 : random.NextDouble() * 0.5,
            ScanShare = random.NextDouble() * 0.1,
            BatchShare = random.NextDouble() * 0.15,
            MultiGetShare = random.NextDouble() * 0.15,
            ExistsShare = random.NextDouble() * 0.2,
            RangeShare = random.NextDouble() * 0.05,
            GuardedShare = random.Chance(0.2) ? 0 : random.NextDouble(),
            ValueBytesMax = random.Chance(0.2) ? 8_192 : 256,
            AnyStoreShare = random.Chance(0.3) ? 0 : random.Chance(0.5) ? 1 : random.NextDouble(),
        };
    }
}
