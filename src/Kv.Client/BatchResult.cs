namespace Kv.Client;

/// <summary>
/// What became of a batch, part by part. Mutations of one region are one part and take effect together; between parts
/// there is no order and no atomicity. Immutable.
/// </summary>
public sealed record BatchResult
{
    /// <summary>The parts in order of keys; empty for an empty batch.</summary>
    public required IReadOnlyList<BatchPart> Parts { get; init; }

    /// <summary>Whether every part took effect.</summary>
    public bool AllApplied => Count(BatchPartOutcome.Applied) == Parts.Count;

    /// <summary>Whether at least one part took effect or may have.</summary>
    public bool MaybeApplied => Count(BatchPartOutcome.Applied) + Count(BatchPartOutcome.Undetermined) > 0;

    /// <summary>How many parts have this outcome.</summary>
    public int Count(BatchPartOutcome outcome)
    {
        int count = 0;
        foreach (BatchPart part in Parts)
        {
            if (part.Outcome == outcome)
            {
                count++;
            }
        }

        return count;
    }
}
