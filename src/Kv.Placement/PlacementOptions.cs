namespace Kv.Placement;

/// <summary>Settings of the placement driver.</summary>
public sealed record PlacementOptions
{
    public static readonly PlacementOptions Default = new();

    /// <summary>A store that has not reported for this long counts as silent.</summary>
    public long StoreLeaseMs { get; init; } = 10_000;

    /// <summary>Interval of scheduling rounds.</summary>
    public int ScheduleIntervalMs { get; init; } = 1_000;

    /// <summary>Most leader transfers decided in one round.</summary>
    public int TransfersPerRoundMax { get; init; } = 32;

    /// <summary>Most leader transfers open at a time.</summary>
    public int TransfersOpenMax { get; init; } = 64;

    /// <summary>A transfer not seen done after this is given up.</summary>
    public int OperatorTimeoutMs { get; init; } = 5_000;

    /// <summary>A region whose transfer was given up is left alone for this long.</summary>
    public int OperatorRestMs { get; init; } = 10_000;

    /// <summary>A peer further behind its leader than this many entries gets no leadership.</summary>
    public ulong LagEntriesMax { get; init; } = 100_000;

    /// <summary>Ids taken from the replicated counter at a time.</summary>
    public ulong IdBlockCount { get; init; } = 1_000;

    /// <summary>Most routes in one answer.</summary>
    public int RoutesPerAnswerMax { get; init; } = 1_000;

    /// <summary>Most watchers of routes.</summary>
    public int WatchersMax { get; init; } = 4_096;

    /// <summary>Requests waiting in the driver's mailbox before it answers ServerIsBusy.</summary>
    public int RequestsWaitingMax { get; init; } = 10_000;

    /// <summary>Finished operators kept to be looked at.</summary>
    public int HistoryCountMax { get; init; } = 256;

    /// <summary>Pause before the replicated state is read again after it could not be read.</summary>
    public int LoadRetryMs { get; init; } = 200;
}
