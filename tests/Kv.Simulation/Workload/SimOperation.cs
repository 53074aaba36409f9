using Kv.Base;

namespace Kv.Simulation.Workload;

public enum SimOutcome
{
    Open,
    Ok,

    /// <summary>Told that it may or may not have taken effect.</summary>
    Undetermined,

    /// <summary>Told that it did not take effect and never will.</summary>
    Failed,
}

public enum SimKind
{
    Get,
    Scan,
    Put,
    Delete,
    Batch,
}

/// <summary>What an operation does to, or sees of, one key.</summary>
public sealed class SimPart(int key)
{
    public int Key { get; } = key;

    /// <summary>What a put writes; null for a delete and for reads.</summary>
    public string? Value { get; init; }

    /// <summary>Whether this part's fate is known apart from the others', and what it is.</summary>
    public SimOutcome Outcome { get; set; }

    /// <summary>Sequence of the write that carried the part; 0 = it never left the client.</summary>
    public ulong Sequence { get; set; }

    /// <summary>Revision that the answer named; 0 = none.</summary>
    public ulong Revision { get; set; }

    public bool Found { get; set; }

    /// <summary>What a read saw; null = absent, or not told.</summary>
    public string? Seen { get; set; }

    public ulong SeenRevision { get; set; }

    /// <summary>Where it took effect; 0 = nowhere.</summary>
    public RegionId EffectRegion { get; set; }

    public ulong EffectIndex { get; set; }

    /// <summary>When the first store applied it.</summary>
    public Instant EffectAt { get; set; }

    /// <summary>Rises with the order in which writes took effect, over all regions.</summary>
    public ulong EffectPosition { get; set; }
}

/// <summary>One operation of one client, from call to end.</summary>
public sealed class SimOperation
{
    public required long Id { get; init; }

    public required int Client { get; init; }

    public required SimKind Kind { get; init; }

    public required Instant CalledAt { get; init; }

    /// <summary>Writes: what they change. Reads: what was seen, filled at the end.</summary>
    public List<SimPart> Parts { get; } = [];

    public Instant EndedAt { get; set; } = Instant.Never;

    public SimOutcome Outcome { get; set; }

    public string? Error { get; set; }

    public bool IsWrite => Kind is SimKind.Put or SimKind.Delete or SimKind.Batch;
}
