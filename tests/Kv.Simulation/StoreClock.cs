// Owns the clocks of one machine: a monotonic one that runs a little fast or slow and never goes back, and a wall clock
// that may be set to anything.
using Kv.Base;

namespace Kv.Simulation;

/// <summary>
/// A store's view of time. It counts the machine's sleep, as the Lease law asks; its rate changes only by
/// <see cref="SetRate"/>.
/// </summary>
public sealed class StoreClock(SimClock world) : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private Instant _worldBase = world.Now;
    private Instant _localBase = world.Now;

    /// <summary>Local seconds per second of the world.</summary>
    public double Rate { get; private set; } = 1;

    public TimeSpan WallOffset { get; set; }

    public Instant Now
    {
        get
        {
            long passed = world.Now.Nanoseconds - _worldBase.Nanoseconds;
            return _localBase.PlusNs(Rate is 1 ? passed : (long)(passed * Rate));
        }
    }

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp() => Now.Nanoseconds;

    public override DateTimeOffset GetUtcNow() => Epoch.AddTicks(Now.Nanoseconds / 100) + WallOffset;

    public void SetRate(double rate)
    {
        Invariant.Require(rate > 0);
        (_localBase, _worldBase) = (Now, world.Now);
        Rate = rate;
    }

    /// <summary>When the world gets to a local instant, at today's rate: never early by more than a rounding.</summary>
    public Instant ToWorld(Instant local)
    {
        if (local == Instant.Never)
        {
            return Instant.Never;
        }

        long ahead = local.Nanoseconds - _localBase.Nanoseconds;
        return _worldBase.PlusNs(Rate is 1 ? ahead : (long)Math.Ceiling(ahead / Rate));
    }
}
