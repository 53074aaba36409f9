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
    /// The region's revision of the write; 0 unless <see cref="Outcome"/> is <see cref="BatchPartOutcome.Applied"/>.
    /// </summary>
    public ulong Revision { get; init; }

    /// <summary>Why it was not applied; null when it was.</summary>
    public KvException? Error { get; init; }
}
