using System.Globalization;

namespace Kv.Rpc.Wire;

/// <summary>The value of <c>grpc-timeout</c>: one to eight digits and a unit of H, M, S, m, u, n.</summary>
internal static class TimeoutHeader
{
    private const long ValueMax = 99_999_999;

    /// <summary>Longer timeouts count as this one: timers cannot hold more, and nobody waits that long.</summary>
    public static readonly TimeSpan TimeoutMax = TimeSpan.FromDays(24);

    private static readonly (long Ticks, char Name)[] Units =
    [
        (TimeSpan.TicksPerMicrosecond, 'u'),
        (TimeSpan.TicksPerMillisecond, 'm'),
        (TimeSpan.TicksPerSecond, 'S'),
        (TimeSpan.TicksPerMinute, 'M'),
        (TimeSpan.TicksPerHour, 'H'),
    ];

    public static TimeSpan Clamp(TimeSpan timeout) =>
        TimeSpan.FromTicks(Math.Clamp(timeout.Ticks, 0, TimeoutMax.Ticks));

    /// <summary>Writes in the finest unit that fits, rounded up, so that the other side never expires before this
    /// one.</summary>
    public static string Format(TimeSpan timeout)
    {
        long ticks = Clamp(timeout).Ticks;
        foreach ((long unitTicks, char name) in Units)
        {
            long value = (ticks + unitTicks - 1) / unitTicks;
            if (value <= ValueMax)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{value}{name}");
            }
        }

        throw Kv.Base.Invariant.Unreachable(timeout);
    }

    public static bool TryParse(string text, out TimeSpan timeout)
    {
        timeout = TimeSpan.Zero;
        if (text.Length is < 2 or > 9)
        {
            return false;
        }

        long value = 0;
        foreach (char c in text.AsSpan(0, text.Length - 1))
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            value = (value * 10) + (c - '0');
        }

        long ticks = text[^1] switch
        {
            // Part of a tick counts as a whole one: a timeout above zero never becomes zero.
            'n' => (value + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick,
            'u' => value * TimeSpan.TicksPerMicrosecond,
            'm' => value * TimeSpan.TicksPerMillisecond,
            'S' => value * TimeSpan.TicksPerSecond,
            'M' => value * TimeSpan.TicksPerMinute,
            'H' => value * TimeSpan.TicksPerHour,
            _ => -1,
        };
        if (ticks < 0)
        {
            return false;
        }

        timeout = TimeSpan.FromTicks(Math.Min(ticks, TimeoutMax.Ticks));
        return true;
    }
}
