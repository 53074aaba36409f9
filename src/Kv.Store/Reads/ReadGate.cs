// Owns what threads outside the raft loop may know of a peer (Read law). The raft loop replaces the gate before
// anything that ends it becomes visible; readers look at it before and after they take their view of the engine.
using Kv.Base;

namespace Kv.Store.Reads;

/// <summary>
/// An immutable statement: "in this term this peer leads, has applied an entry of the term, and its lease runs until".
/// </summary>
internal sealed class ReadGate(Term term, ulong version, Instant leaseEnd)
{
    public Term Term { get; } = term;

    /// <summary>RegionEpoch.Version the statement is about.</summary>
    public ulong Version { get; } = version;

    /// <summary>End of the lease on the boot-time clock; past it the gate says nothing.</summary>
    public Instant LeaseEnd { get; } = leaseEnd;

    /// <summary>
    /// Whether a view taken between reading <paramref name="before"/> and <paramref name="after"/> is linearizable: the
    /// same term and version throughout, and a lease still running at <paramref name="now"/>, which was read after the
    /// view was taken.
    /// </summary>
    public static bool Holds(ReadGate? before, ReadGate? after, Instant now)
    {
#if PLANT_C1 // row C1: the clock is not looked at
        now = Instant.Zero;
#endif
        return before is not null && after is not null
            && before.Term == after.Term && before.Version == after.Version && now < after.LeaseEnd;
    }
}
