using Kv.Simulation.Faults;

namespace Kv.Simulation;

/// <summary>What a run did and what it found.</summary>
public sealed record SimReport
{
    public required ulong Seed { get; init; }

    public required ulong Hash { get; init; }

    public required long Events { get; init; }

    public required long SimulatedMs { get; init; }

    /// <summary>Writes begun by clients.</summary>
    public required long Begun { get; init; }

    /// <summary>Different writes, by session and sequence, that took effect in some region.</summary>
    public required long TookEffect { get; init; }

    /// <summary>Writes that succeeded.</summary>
    public required long Acknowledged { get; init; }

    /// <summary>Reads and scans that succeeded.</summary>
    public required long Reads { get; init; }

    /// <summary>Gets that were not in memory, in the stores' last lives.</summary>
    public required long DiskReads { get; init; }

    public required long Undetermined { get; init; }

    /// <summary>Operations that ended in an error and were not done.</summary>
    public required long Failed { get; init; }

    public required long Messages { get; init; }

    public required long LostMessages { get; init; }

    /// <summary>Peers that still tick after the quiet at the end.</summary>
    public required int AwakePeers { get; init; }

    /// <summary>Operations on single keys in the history that was judged.</summary>
    public required long Judged { get; init; }

    public required long Elections { get; init; }

    /// <summary>Turns of peers at which a lease ran.</summary>
    public required long LeaseTurns { get; init; }

    /// <summary>Promises compared with a durable log.</summary>
    public required long Promises { get; init; }

    /// <summary>How often each fault struck, by <see cref="FaultKind"/>.</summary>
    public required IReadOnlyList<long> FaultsFired { get; init; }

    /// <summary>How often each place in the code took its rarer way.</summary>
    public required IReadOnlyList<(string Place, long Count)> Buggified { get; init; }

    /// <summary>Null when no disk was to fail.</summary>
    public required SimDiskFaultReport? DiskFault { get; init; }

    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Operations by what they were and how they ended; refused = a condition did not hold.</summary>
    public required IReadOnlyDictionary<string, long> ByKind { get; init; }

    /// <summary>What operations that did not succeed were told.</summary>
    public required IReadOnlyList<string> Errors { get; init; }

    public required IReadOnlyList<PlannedFault> Schedule { get; init; }

    public required IReadOnlyList<string> FaultsDone { get; init; }

    /// <summary>The last events before the end; empty when nothing was found.</summary>
    public required IReadOnlyList<string> RecentEvents { get; init; }

    /// <summary>Operations that ended, well or not.</summary>
    public long Completed => Acknowledged + Reads + Undetermined + Failed;

    public long Succeeded => Acknowledged + Reads;
}
