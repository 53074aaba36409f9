// Owns the reading of values that people write: sizes, times, addresses. Every refusal says what is allowed.
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Kv.Server.Options;

internal static class SettingText
{
    private static readonly (string Suffix, long Factor)[] ByteUnits =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("B", 1), ("", 1),
    ];

    private static readonly (string Suffix, long Factor)[] TimeUnits =
        [("ms", 1), ("min", 60_000), ("s", 1_000), ("", 1)];

    public static long Bytes(string text, long min, long max) =>
        Number(text, ByteUnits, min, max, "bytes, or with KiB, MiB, GiB");

    public static long Ms(string text, long min, long max) =>
        Number(text, TimeUnits, min, max, "milliseconds, or with ms, s, min");

    public static long Count(string text, long min, long max) => Number(text, [("", 1)], min, max, "a whole number");

    public static bool Flag(string text) => text switch
    {
        "true" => true,
        "false" => false,
        _ => throw new FormatException("true or false"),
    };

    public static string OneOf(string text, params string[] allowed) =>
        allowed.Contains(text, StringComparer.Ordinal) ? text : throw new FormatException(string.Join(" or ", allowed));

    /// <summary>An address to listen on: an IP address, or localhost, and a port from 1 to 65535.</summary>
    public static IPEndPoint Listen(string text)
    {
        const string Allowed = "address:port with an IP address or localhost and a port from 1 to 65535";
        string? normal = Placement.PeerAddress.Normalise(text);
        if (normal is null)
        {
            throw new FormatException(Allowed);
        }

        int colon = normal.LastIndexOf(':');
        string host = normal[..colon].Trim('[', ']');
        int port = int.Parse(normal.AsSpan(colon + 1), CultureInfo.InvariantCulture);
        IPAddress? address = host == "localhost" ? IPAddress.Loopback : null;
        if (address is null && !IPAddress.TryParse(host, out address))
        {
            throw new FormatException(Allowed);
        }

        return new IPEndPoint(address, port);
    }

    /// <summary>An address others call: any host name and a port.</summary>
    public static string Address(string text) =>
        Placement.PeerAddress.Normalise(text) ?? throw new FormatException("host:port with a port from 1 to 65535");

    public static string Format(IPEndPoint point) => point.AddressFamily == AddressFamily.InterNetworkV6
        ? string.Create(CultureInfo.InvariantCulture, $"[{point.Address}]:{point.Port}")
        : string.Create(CultureInfo.InvariantCulture, $"{point.Address}:{point.Port}");

    private static long Number(string text, (string Suffix, long Factor)[] units, long min, long max, string what)
    {
        string allowed = string.Create(CultureInfo.InvariantCulture, $"{what}, from {min} to {max}");
        foreach ((string suffix, long factor) in units)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal))
            {
                continue;
            }

            string digits = text[..^suffix.Length].Trim();
            return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                && number <= long.MaxValue / factor
                && number * factor >= min
                && number * factor <= max
                ? number * factor
                : throw new FormatException(allowed);
        }

        throw new FormatException(allowed);
    }
}
