namespace Kv.Base;

/// <summary>
/// A point on this process's monotonic clock, in nanoseconds since an arbitrary start. The clock counts machine sleep
/// (Lease law), never goes back, and means nothing in another process.
/// </summary>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    public static readonly Instant Zero;

    public static readonly Instant Never = new(long.MaxValue);

    /// <summary>
    /// Reads the clock seam. <paramref name="clock"/>'s timestamps are taken as they are scaled by its frequency.
    /// </summary>
    public static Instant Now(TimeProvider clock)
    {
        long stamp = clock.GetTimestamp();
        long frequency = clock.TimestampFrequency;
        return frequency == 1_000_000_000
            ? new Instant(stamp)
            : new Instant((long)((Int128)stamp * 1_000_000_000 / frequency));
    }

    public static Instant FromMs(long ms) => new(checked(ms * 1_000_000));

    public Instant PlusMs(long ms) => new(checked(Nanoseconds + (ms * 1_000_000)));

    public Instant PlusNs(long ns) => new(checked(Nanoseconds + ns));

    /// <summary>
    /// Milliseconds from <paramref name="earlier"/> to this instant, rounded down; negative if it is later.
    /// </summary>
    public long MsSince(Instant earlier) => (Nanoseconds - earlier.Nanoseconds) / 1_000_000;

    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    public static Instant Later(Instant a, Instant b) => a.Nanoseconds >= b.Nanoseconds ? a : b;

    public static bool operator <(Instant a, Instant b) => a.Nanoseconds < b.Nanoseconds;

    public static bool operator >(Instant a, Instant b) => a.Nanoseconds > b.Nanoseconds;

    public static bool operator <=(Instant a, Instant b) => a.Nanoseconds <= b.Nanoseconds;

    public static bool operator >=(Instant a, Instant b) => a.Nanoseconds >= b.Nanoseconds;
}
