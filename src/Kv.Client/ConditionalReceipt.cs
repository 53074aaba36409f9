namespace Kv.Client;

/// <summary>What became of a write with a condition. Immutable.</summary>
public sealed record ConditionalReceipt
{
    /// <summary>Whether the condition held, so that the write took effect. If not, nothing changed.</summary>
    public required bool Applied { get; init; }

    /// <summary>The revision of the write; of a put that was applied, the revision the key has from it.</summary>
    public required ulong Revision { get; init; }

    /// <summary>The region that decided it, at that time.</summary>
    public required ulong RegionId { get; init; }

    /// <summary>
    /// When the condition did not hold, what the key was like instead; null = it was absent, or
    /// <see cref="CurrentDropped"/>.
    /// </summary>
    public ValueWithRevision? Current { get; init; }

    /// <summary>
    /// Whether <see cref="Current"/> is forgotten: the first answer was lost, and the value was too large to be
    /// remembered for the retry. Read the key instead.
    /// </summary>
    public bool CurrentDropped { get; init; }
}
