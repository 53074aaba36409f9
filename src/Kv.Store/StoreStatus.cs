using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>A store's numbers at one moment, for status pages and metrics.</summary>
public sealed record StoreStatus
{
    public required int RegionCount { get; init; }

    public required int LeaderCount { get; init; }

    public required int AwakeCount { get; init; }

    public required long LogBytes { get; init; }

    public required long LogBytesMax { get; init; }

    public required long LogSyncCount { get; init; }

    public required long CommandCount { get; init; }

    public required long LeaseReadCount { get; init; }

    public required long IndexReadCount { get; init; }

    /// <summary>Gets under lease that were not in memory and went to the read loops.</summary>
    public required long DiskReadCount { get; init; }

    /// <summary>Gets that asked only whether a key exists.</summary>
    public required long ExistsReadCount { get; init; }

    /// <summary>Multi-gets, each of many keys.</summary>
    public required long MultiGetCount { get; init; }

    /// <summary>
    /// Mutations executed, by kind, of writes that are more than puts and deletes; retries are not counted.
    /// </summary>
    public required IReadOnlyList<(MutationKind Kind, long Count)> GuardedMutations { get; init; }

    /// <summary>Writes that took no effect: a condition did not hold, or a sequence had come to its end.</summary>
    public required long WritesRefusedCount { get; init; }

    public required long ProposalBytes { get; init; }

    public required long DroppedMessageCount { get; init; }

    public required long HeartbeatsWithheldCount { get; init; }

    /// <summary>Where region 1 is led as far as this store knows; 0 = not known.</summary>
    public required ulong SystemLeaderStore { get; init; }

    /// <summary>Regions whose peer here has stopped or is quarantined, with the reason.</summary>
    public required IReadOnlyList<(ulong Region, string Reason)> Stopped { get; init; }
}
