namespace Kv.Client;

/// <summary>How far a range has been deleted. Immutable.</summary>
public sealed record DeleteRangeResult
{
    /// <summary>Regions, or parts of them, in which the range was deleted; each as a whole.</summary>
    public required int RegionCount { get; init; }

    /// <summary>
    /// Where the rest begins: all keys from the start up to here were deleted. Meaningless when <see cref="Finished"/>.
    /// </summary>
    public required ReadOnlyMemory<byte> Next { get; init; }

    /// <summary>Whether the whole range was deleted.</summary>
    public required bool Finished { get; init; }
}
