namespace Kv.Ctl.Transfer;

internal sealed record ImportOptions
{
    /// <summary>The name of the input in messages.</summary>
    public required string InputName { get; init; }

    /// <summary>Puts under way at a time.</summary>
    public required int Concurrency { get; init; }

    /// <summary>Where to keep how far the import came, and to go on from; null = nowhere.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Of how many bad lines number and reason are printed.</summary>
    public int BadLinesShown { get; init; } = 20;

    /// <summary>How often a checkpoint is kept.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(1);
}
