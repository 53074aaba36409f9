using System.Globalization;

namespace Kv.Ctl.Text;

/// <summary>
/// Durations as people write them on a command line: <c>250ms</c>, <c>10s</c>, <c>2m</c>; a bare number is seconds.
/// </summary>
internal static class DurationText
{
    public static readonly TimeSpan Max = TimeSpan.FromHours(24);

    /// <summary>
    /// Throws <see cref="FormatException"/> for what is no duration, not above zero, or above <see cref="Max"/>.
    /// </summary>
    public static TimeSpan Parse(string text)
    {
        (string number, double unitSeconds) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (text[..^2], 0.001),
            _ when text.EndsWith('s') => (text[..^1], 1),
            _ when text.EndsWith('m') => (text[..^1], 60),
            _ when text.EndsWith('h') => (text[..^1], 3600),
            _ => (text, 1d),
        };
        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            || value * unitSeconds is not (>= 0.001 and <= 86_400))
        {
            throw new FormatException($"'{text}' is not a duration between 1ms and 24h, such as 250ms, 10s or 2m");
        }

        return TimeSpan.FromSeconds(value * unitSeconds);
    }

    public static string Format(TimeSpan time) => time switch
    {
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0} ms"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalMinutes} min {time.Seconds} s"),
    };
}
