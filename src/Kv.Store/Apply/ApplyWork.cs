using Kv.Base;
using Kv.Raft;

namespace Kv.Store.Apply;

internal enum ApplyWorkKind : byte
{
    Entries = 0,

    /// <summary>Nothing to do but to answer: shows that the loop turns (Progress law).</summary>
    Ping = 1,

    /// <summary>The region went to sleep: forget its outcomes in memory.</summary>
    Unload = 2,
}

/// <summary>The writes that wait for one entry, in the order of its commands.</summary>
internal sealed record ProposalBatch(LogIndex Index, Term Term, PendingWrite[] Writes);

/// <summary>One hand-over from the raft loop to the apply loop.</summary>
internal sealed record ApplyWork(
    ApplyWorkKind Kind, RegionApplier? Applier, IReadOnlyList<Entry> Entries, IReadOnlyList<ProposalBatch> Proposals,
        ulong PingNumber);

/// <summary>What the apply loop tells the raft loop.</summary>
internal readonly record struct ApplyDone(RegionApplier? Applier, LogIndex Index, Term Term, ulong PingNumber,
    string? StoppedBy);
