// Owns the part of a region's peer that all threads of a store share. Each field names its one writer.
using Kv.Base;
using Kv.Protocol;
using Kv.Store.Reads;

namespace Kv.Store;

/// <summary>Who leads a region, as far as this store knows. Immutable.</summary>
internal sealed record LeaderHint(PeerId Peer, StoreId Store, Term Term)
{
    public static readonly LeaderHint Unknown = new(default, default, Term.Zero);
}

internal sealed class RegionHandle(RegionDescriptor descriptor, PeerId self)
{
    // Written by the apply loop, before the change it stands for becomes visible in the engine.
    private volatile RegionDescriptor _descriptor = descriptor;

    // Written by the raft loop.
    private volatile ReadGate? _gate;
    private volatile LeaderHint _leader = LeaderHint.Unknown;
    private bool _wakesOnApply;

    // Written by the apply loop.
    private long _regionTime;
    private long _applied;
    private long _appliedTerm;

    // Written by the durability pump.
    private long _estimatedBytes;

    // Written by the door (up) and by whoever answers (down).
    private long _proposalBytes;

    public RegionId Id { get; } = descriptor.Id;

    public PeerId Self { get; } = self;

    public RegionDescriptor Descriptor
    {
        get => _descriptor;
        set => _descriptor = value;
    }

    public ReadGate? Gate
    {
        get => _gate;
        set => _gate = value;
    }

    public LeaderHint Leader
    {
        get => _leader;
        set => _leader = value;
    }

    /// <summary>Newest region time applied here, in microseconds.</summary>
    public ulong RegionTime
    {
        get => (ulong)Volatile.Read(ref _regionTime);
        set => Volatile.Write(ref _regionTime, (long)value);
    }

    /// <summary>Applied and written to the engine (not necessarily synced there).</summary>
    public LogIndex Applied => new((ulong)Volatile.Read(ref _applied));

    public Term AppliedTerm => new((ulong)Volatile.Read(ref _appliedTerm));

    /// <summary>Rough bytes of the region's data in the engine.</summary>
    public ulong EstimatedBytes
    {
        get => (ulong)Volatile.Read(ref _estimatedBytes);
        set => Volatile.Write(ref _estimatedBytes, (long)value);
    }

    /// <summary>
    /// Whether the raft loop wants to be woken when entries of this region were applied. Written by that loop.
    /// </summary>
    public bool WakesOnApply
    {
        get => Volatile.Read(ref _wakesOnApply);
        set => Volatile.Write(ref _wakesOnApply, value);
    }

    public long ProposalBytes => Volatile.Read(ref _proposalBytes);

    public void SetApplied(LogIndex index, Term term)
    {
        Volatile.Write(ref _appliedTerm, (long)term.Value);
        Volatile.Write(ref _applied, (long)index.Value);
    }

    public long AddProposalBytes(long bytes) => Interlocked.Add(ref _proposalBytes, bytes);
}
