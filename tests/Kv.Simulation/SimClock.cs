using Kv.Base;

namespace Kv.Simulation;

/// <summary>Virtual time. It moves only when the simulation takes its next event.</summary>
public sealed class SimClock : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public Instant Now { get; private set; } = Instant.FromMs(1_000);

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp() => Now.Nanoseconds;

    public override DateTimeOffset GetUtcNow() => Epoch.AddTicks(Now.Nanoseconds / 100);

    public void MoveTo(Instant time)
    {
        Invariant.Require(time >= Now);
        Now = time;
    }
}
