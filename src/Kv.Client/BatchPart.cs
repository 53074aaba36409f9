namespace Kv.Client;

/// <summary>The mutations of a batch that went to one region. Immutable.</summary>
public sealed record BatchPart
{
    /// <summary>The region that the part was sent to last; 0 when none was found.</summary>
    public required ulong RegionId { get; init; }

    /// <summary>The smallest key of the part.</summary>
    public required ReadOnlyMemory<byte> FirstKey { get; init; }

    /// <summary>The greatest key of the part.</summary>
    public required ReadOnlyMemory<byte> LastKey { get; init; }

    /// <summary>Mutations in the part, at least 1.</summary>
    public required int MutationCount { get; init; }

    /// <summary>What became of it.</summary>
    public required BatchPartOutcome Outcome { get; init; }

    /// <summary>
    /// The region's revision of the write; 0 unless <see cref="Outcome"/> is <see cref="BatchPartOutcome.Applied"/> or
    /// <see cref="BatchPartOutcome.ConditionFailed"/>, which has one too.
    /// </summary>
    public ulong Revision { get; init; }

    /// <summary>Why it was not applied; null when it was, or when a condition failed.</summary>
    public KvException? Error { get; init; }

    /// <summary>
    /// The conditions that did not hold, when <see cref="Outcome"/> is <see cref="BatchPartOutcome.ConditionFailed"/>.
    /// Empty all the same when <see cref="ConflictsDropped"/>, or when the region was split meanwhile and the
    /// conditions that failed are another part's.
    /// </summary>
    public IReadOnlyList<KvConflict> Conflicts { get; init; } = [];

    /// <summary>
    /// Whether the conflicts are forgotten: the first answer was lost, and they were too large to be remembered.
    /// </summary>
    public bool ConflictsDropped { get; init; }
}
