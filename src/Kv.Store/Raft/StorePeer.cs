// Owns what the raft loop keeps about one peer beside the core: proposals that wait for their entry, reads that wait
// for an index, and where it stands with sleep and the log. Touched only inside the raft loop.
using Kv.Base;
using Kv.Raft;
using Kv.Store.Apply;
using Kv.Store.Reads;

namespace Kv.Store.Raft;

internal sealed class StorePeer(RegionHandle handle, RaftPeer core, RegionApplier applier)
{
    public RegionHandle Handle { get; } = handle;

    public RaftPeer Core { get; } = core;

    public RegionApplier Applier { get; } = applier;

    /// <summary>The log knows nothing of the region yet: this peer has promised nothing to anyone.</summary>
    public bool IsNewborn { get; init; }

    /// <summary>In the list of peers whose Ready is taken at the end of this turn.</summary>
    public bool Touched { get; set; }

    /// <summary>Place in the list of ticking peers; −1 = asleep.</summary>
    public int AwakePlace { get; set; } = -1;

    /// <summary>Last time a client or an entry needed the region.</summary>
    public Instant LastActive { get; set; }

    /// <summary>Writes that gather to become entries.</summary>
    public List<PendingWrite> NewWrites { get; } = [];

    public long NewWriteBytes { get; set; }

    /// <summary>When the first of <see cref="NewWrites"/> came.</summary>
    public Instant GatheringSince { get; set; }

    /// <summary>Entries proposed here and not yet applied, by rising index.</summary>
    public Queue<ProposalBatch> Proposals { get; } = new();

    /// <summary>Reads that wait for their round to be started.</summary>
    public List<ReadRequest> WaitingReads { get; } = [];

    /// <summary>Reads whose round is on its way, by the round's fresh id.</summary>
    public Dictionary<ulong, AskedRound> AskedReads { get; } = [];

    /// <summary>Reads that wait until apply has reached their index.</summary>
    public List<(LogIndex Index, List<ReadRequest> Reads)> IndexedReads { get; } = [];

    /// <summary>Term this peer was last seen leading in, to notice that leadership came or went.</summary>
    public Term LedTerm { get; set; }

    /// <summary>Newest region time this leader put into an entry (Region time).</summary>
    public ulong ProposedTime { get; set; }

    public LogIndex DurableIndex { get; set; }

    /// <summary>
    /// Every peer holds the log durably up to here, by the leader's word (Cut law as kept until snapshots exist).
    /// </summary>
    public LogIndex GroupHeld { get; set; }

    /// <summary>What the leader last told its followers of <see cref="GroupHeld"/>.</summary>
    public LogIndex GroupHeldTold { get; set; }

    public LogIndex CutIndex { get; set; }

    public SleepPhase Sleep { get; set; }

    /// <summary>When the leader asked its followers to sleep.</summary>
    public Instant SleepAskedAt { get; set; }

    /// <summary>Followers that must still answer before the leader sleeps.</summary>
    public List<PeerId> SleepWaitsFor { get; } = [];

    /// <summary>
    /// Stores that were silent when the region fell asleep: caught up when they start anew (Sleep law).
    /// </summary>
    public List<StoreId> SleptWithout { get; } = [];

    /// <summary>What the last report to placement said, to send changes only.</summary>
    public ReportedState Reported { get; set; }

    public bool ReportDirty { get; set; }
}

internal sealed record AskedRound(Instant AskedAt, List<ReadRequest> Reads);

internal readonly record struct ReportedState(PeerId Leader, Term Term, ulong Version, ulong ConfVersion);

internal enum SleepPhase : byte
{
    Awake = 0,

    /// <summary>The leader has asked its followers and waits for all live ones.</summary>
    Falling = 1,

    Asleep = 2,
}
