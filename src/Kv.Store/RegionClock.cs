using Kv.Base;

namespace Kv.Store;

/// <summary>
/// The time a leader writes into entries: wall time read once at start, advanced by the monotonic clock, so that a wall
/// clock that is set later has no effect on data (Region time). In microseconds since 1970.
/// </summary>
internal sealed class RegionClock
{
    private readonly TimeProvider _clock;
    private readonly ulong _wallAtStart;
    private readonly Instant _start;

    public RegionClock(TimeProvider clock)
    {
        _clock = clock;
        _start = Instant.Now(clock);
        _wallAtStart = (ulong)((clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
    }

    public ulong Now() => _wallAtStart + (ulong)((Instant.Now(_clock).Nanoseconds - _start.Nanoseconds) / 1000);
}
