// Owns every bound and period of one store's loops, so that nothing else in Kv.Store names a number
// that an operator could want to change.
using Kv.Protocol;

namespace Kv.Store;

/// <summary>Settings of one store's loops. Every bound is named here; Kv.Server fills it from configuration.</summary>
public sealed record StoreOptions
{
    public static readonly StoreOptions Default = new();

    public Limits Limits { get; init; } = Limits.Default;

    /// <summary>One raft tick. Elections and heartbeats count in these.</summary>
    public int TickMs { get; init; } = 100;

    public int ElectionTicks { get; init; } = 10;

    public int HeartbeatTicks { get; init; } = 2;

    /// <summary>D of the Lease law. A cluster constant: fixed when the cluster is founded.</summary>
    public long LeaseMs { get; init; } = 800;

    public long LeaseDriftMs { get; init; } = 100;

    /// <summary>Interval of heartbeats between stores.</summary>
    public int StoreHeartbeatMs { get; init; } = 250;

    /// <summary>
    /// Silence after which a store counts as dead for waking what slept under it. Above lease plus drift.
    /// </summary>
    public int StoreSilenceMs { get; init; } = 1_000;

    /// <summary>No heartbeat is sent when the newest log sync is older than this (Progress law).</summary>
    public int ProgressMs { get; init; } = 5_000;

    /// <summary>Quiet time after which a region goes to sleep.</summary>
    public int SleepAfterMs { get; init; } = 3_000;

    /// <summary>Regions woken per tick by a silent store, so that they do not all elect in the same instant.</summary>
    public int WakePerTickMax { get; init; } = 200;

    /// <summary>Client requests waiting in the raft loop's mailbox before the door answers ServerIsBusy.</summary>
    public int RequestsWaitingMax { get; init; } = 20_000;

    /// <summary>Bytes of proposals taken in and not yet applied, over all regions.</summary>
    public long ProposalBytesMax { get; init; } = 128L * 1024 * 1024;

    /// <summary>
    /// The same for one region, so that one cannot starve the others; the system region has its own share.
    /// </summary>
    public long ProposalBytesPerRegionMax { get; init; } = 64L * 1024 * 1024;

    /// <summary>Bytes of messages from other stores waiting; beyond it they are dropped.</summary>
    public long EnvelopeBytesMax { get; init; } = 128L * 1024 * 1024;

    /// <summary>Entries are cut below this where commands allow (Bytes law).</summary>
    public int EntryBytesTarget { get; init; } = 60 * 1024;

    /// <summary>Scans, ReadIndex reads and gets from the disk waiting for each read loop.</summary>
    public int ReadsWaitingMax { get; init; } = 4_096;

    /// <summary>
    /// Loops that run them: one for scans and confirmed reads, the others for gets from the disk.
    /// </summary>
    public int ReadLoops { get; init; } = 4;

    /// <summary>
    /// Interval and bytes after which the engine's write-ahead log is synced and the raft log cut (Cut law).
    /// </summary>
    public int DurableIntervalMs { get; init; } = 1_000;

    public long DurableBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>The raft log is purged towards this.</summary>
    public long LogBytesTarget { get; init; } = 256L * 1024 * 1024;

    /// <summary>Above this, writes are refused by name until the log could be cut.</summary>
    public long LogBytesMax { get; init; } = 4L * 1024 * 1024 * 1024;

    /// <summary>Age after which outcomes of writes are forgotten (Once law), in milliseconds of region time.</summary>
    public long OutcomeAgeMs { get; init; } = 10 * 60 * 1000;

    /// <summary>Bytes of outcomes one region keeps before its floor rises.</summary>
    public long OutcomeBytesMax { get; init; } = 8L * 1024 * 1024;

    /// <summary>Most time a request waits in the store when the caller names none.</summary>
    public int RequestTimeoutMs { get; init; } = 10_000;

    /// <summary>Interval of reports to placement when nothing changed.</summary>
    public int ReportIntervalMs { get; init; } = 1_000;
}
