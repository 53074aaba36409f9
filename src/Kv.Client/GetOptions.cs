namespace Kv.Client;

/// <summary>Options of a read. Immutable.</summary>
public sealed record GetOptions
{
    /// <summary>What applies when none are given.</summary>
    public static readonly GetOptions Default = new();

    /// <summary>How the read is made safe.</summary>
    public KvReadMode Mode { get; init; }
}
