namespace Kv.Client;

/// <summary>A condition of a batch that did not hold. Immutable.</summary>
public sealed record KvConflict
{
    /// <summary>The key of the condition.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>What the key was like instead; null = it was absent, or <see cref="CurrentDropped"/>.</summary>
    public ValueWithRevision? Current { get; init; }

    /// <summary>Whether the key had a value that is not told, because the answer would have grown too large.</summary>
    public bool CurrentDropped { get; init; }
}
