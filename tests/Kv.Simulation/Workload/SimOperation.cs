using Kv.Base;
using Kv.Testing.History;

namespace Kv.Simulation.Workload;

public enum SimOutcome
{
    Open,
    Ok,

    /// <summary>Told that a condition did not hold, and so nothing took effect.</summary>
    Refused,

    /// <summary>Told that it may or may not have taken effect.</summary>
    Undetermined,

    /// <summary>Told that it did not take effect and never will.</summary>
    Failed,
}

/// <summary>What an operation does to, or sees of, one key.</summary>
public sealed class SimPart(int key, OperationKind kind)
{
    public int Key { get; } = key;

    public OperationKind Kind { get; } = kind;

    /// <summary>What is put.</summary>
    public string? Value { get; init; }

    public Expectation? Expected { get; init; }

    public long Number { get; init; }

    public SimOutcome Outcome { get; set; }

    /// <summary>Whether the write was sent at all: a range is cut at its region's end.</summary>
    public bool IsLeftOut { get; set; }

    /// <summary>Revision that the answer named; 0 = none.</summary>
    public ulong Revision { get; set; }

    /// <summary>What the answer told of the key before; null = nothing.</summary>
    public Observation? Seen { get; set; }

    /// <summary>Start of a block of numbers; null = not told.</summary>
    public long? Start { get; set; }

    /// <summary>Where and when it was decided; region 0 = nowhere.</summary>
    public SimEffect Effect { get; set; }

    public bool IsRead => Kind is OperationKind.Get or OperationKind.Exists;
}

/// <summary>What apply decided on one part.</summary>
/// <param name="Region">The region; none = never decided.</param>
/// <param name="Index">The entry.</param>
/// <param name="At">When the first store applied it.</param>
/// <param name="Position">Rises with the order in which commands were decided, over all regions.</param>
/// <param name="Result">What it told for this part; null = this part was not the one that failed its write.</param>
/// <param name="Applied">Whether the write took effect.</param>
public readonly record struct SimEffect(
    RegionId Region, ulong Index, Instant At, ulong Position, OperationResult? Result, bool Applied)
{
    public bool IsDecided => !Region.IsNone;
}

/// <summary>One operation of one client, from call to end.</summary>
public sealed class SimOperation
{
    public required long Id { get; init; }

    public required int Client { get; init; }

    /// <summary>What it is, in a word.</summary>
    public required string Name { get; init; }

    public required bool IsWrite { get; init; }

    public required Instant CalledAt { get; init; }

    /// <summary>Writes: what they change. Reads: what was seen, filled at the end.</summary>
    public List<SimPart> Parts { get; } = [];

    public Instant EndedAt { get; set; } = Instant.Never;

    /// <summary>Of the whole; a batch may say more of each part.</summary>
    public SimOutcome Outcome { get; set; }

    public string? Error { get; set; }
}
