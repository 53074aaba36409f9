namespace Kv.Client.Tests;

/// <summary>Time that moves only when told to. One thread.</summary>
internal sealed class ManualClock : TimeProvider
{
    private long _nanoseconds = 1_000_000_000;

    public override long TimestampFrequency => 1_000_000_000;

    public long Ms => _nanoseconds / 1_000_000;

    public override long GetTimestamp() => _nanoseconds;

    public void AdvanceMs(long ms) => _nanoseconds += ms * 1_000_000;

    public void AdvanceTo(Base.Instant instant)
    {
        Base.Invariant.Require(instant.Nanoseconds != long.MaxValue);
        _nanoseconds = Math.Max(_nanoseconds, instant.Nanoseconds);
    }
}
