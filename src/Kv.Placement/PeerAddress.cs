using System.Globalization;

namespace Kv.Placement;

/// <summary>Addresses of stores as people write them: <c>host:port</c>, <c>[v6]:port</c>.</summary>
public static class PeerAddress
{
    /// <summary>
    /// One spelling per address: host in lower case without a final dot, port in plain digits. Null when it is not
    /// <c>host:port</c> with a port from 1 to 65535. Names are not resolved.
    /// </summary>
    public static string? Normalise(string address)
    {
        string trimmed = address.Trim();
        int colon = trimmed.LastIndexOf(':');
        if (colon <= 0)
        {
            return null;
        }

        string host = trimmed[..colon].TrimEnd('.').ToLowerInvariant();
        bool bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (host.Length == 0 || host.Any(char.IsWhiteSpace) || (host.Contains(':') && !bracketed) || host.Contains('/'))
        {
            return null;
        }

        return int.TryParse(trimmed.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            && port is >= 1 and <= 65_535
            ? string.Create(CultureInfo.InvariantCulture, $"{host}:{port}")
            : null;
    }
}
