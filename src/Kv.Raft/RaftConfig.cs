// Owns the settings of one core and their defaults. Fixed for the life of a peer: a change is a new peer object.
using Kv.Base;

namespace Kv.Raft;

/// <summary>
/// Settings of one peer's core. Times in ticks drive elections; times in milliseconds drive the lease (Lease law).
/// </summary>
public sealed record RaftConfig
{
    public required PeerId Id { get; init; }

    /// <summary>Seeds the randomised election timeouts.</summary>
    public required ulong Seed { get; init; }

    /// <summary>
    /// When this store started: the peer votes for nobody before this plus lease plus drift, unless it is the sole
    /// voter.
    /// </summary>
    public required Instant StartedAt { get; init; }

    /// <summary>Where apply stands at start; entries up to it are not handed out again.</summary>
    public LogIndex Applied { get; init; }

    /// <summary>Silence in ticks before an election; drawn anew from [this, 2 × this) each time.</summary>
    public int ElectionTicks { get; init; } = 10;

    public int HeartbeatTicks { get; init; } = 2;

    public bool PreVote { get; init; } = true;

    public bool CheckQuorum { get; init; } = true;

    /// <summary>D of the Lease law. 0 turns leases off (every read takes a ReadIndex round).</summary>
    public long LeaseMs { get; init; } = 800;

    /// <summary>Added to D on the voter's side: how far two clocks may drift apart during D, with room.</summary>
    public long LeaseDriftMs { get; init; } = 100;

    /// <summary>Most payload bytes in one append message; one entry always fits.</summary>
    public long AppendBytesMax { get; init; } = 256 * 1024;

    /// <summary>Append messages in flight to one follower.</summary>
    public int InflightCountMax { get; init; } = 256;

    /// <summary>Payload bytes in flight to one follower.</summary>
    public long InflightBytesMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>Payload bytes of entries proposed and not yet committed, beyond which proposals are refused.</summary>
    public long UncommittedBytesMax { get; init; } = 64 * 1024 * 1024;

    /// <summary>Most payload bytes of committed entries handed out in one Ready.</summary>
    public long CommittedBytesPerReadyMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Largest payload accepted by a proposal.</summary>
    public long EntryBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>Ticks after which an unfinished leadership transfer is given up.</summary>
    public int TransferTicks { get; init; } = 10;

    /// <summary>
    /// Ticks after which a snapshot of whose end nothing was heard counts as lost and is sent again (row E8).
    /// </summary>
    public int SnapshotTicks { get; init; } = 600;

    /// <summary>Above 0 campaigns sooner than 0 (the usual), below 0 later. Voters compare it in pre-votes.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// The peer that the promise of a start does not bind (Split law: the child's peer on the parent leader's store;
    /// at the founding of a cluster, the peer that shall lead first). None = the promise binds all.
    /// </summary>
    public PeerId FirstLeader { get; init; }

    /// <summary>
    /// True: a risen commit is told at once, with an empty append if need be. False: with the next append or
    /// heartbeat, which halves the messages of a lone write and lets followers apply later.
    /// </summary>
    public bool CommitAtOnce { get; init; } = true;

    /// <summary>Reads that may wait for a round, own and forwarded; beyond it they are refused.</summary>
    public int PendingReadsMax { get; init; } = 65_536;

    /// <summary>Entries a learner may lack and still be made a voter.</summary>
    public int PromoteLagMax { get; init; } = 1024;
}
