using System.Text;

namespace Kv.Client;

/// <summary>
/// What to scan. The range is [<see cref="Start"/>, <see cref="End"/>) in both directions; with <see cref="Prefix"/> it
/// is further narrowed to keys that begin so. Immutable; the bytes given must not be changed while a scan runs.
/// </summary>
public sealed record ScanOptions
{
    /// <summary>The first key that may be returned; empty = from the first key.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Keys from here on are not returned; empty = to the last key.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>Only keys that begin with these bytes; empty = all.</summary>
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>Most rows to return; null = no limit, 0 = none. Negative is refused.</summary>
    public long? Limit { get; init; }

    /// <summary>Whether rows come from the greatest key down.</summary>
    public bool Reverse { get; init; }

    /// <summary>Whether values are left out.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>
    /// How each page is made safe. Each page is a read of its own: a scan is not a snapshot as a whole.
    /// </summary>
    public KvReadMode Mode { get; init; }

    /// <summary>Most rows fetched at a time; 0 = as many as a page's bytes take. Negative is refused.</summary>
    public int PageRowsMax { get; init; }

    /// <summary>All keys that begin with <paramref name="prefix"/>, given as text (UTF-8).</summary>
    public static ScanOptions ForPrefix(string prefix) => new() { Prefix = Encoding.UTF8.GetBytes(prefix) };

    /// <summary>The range [start, end), given as text (UTF-8); null = open on that side.</summary>
    public static ScanOptions ForRange(string? start, string? end) => new()
    {
        Start = Encoding.UTF8.GetBytes(start ?? ""),
        End = Encoding.UTF8.GetBytes(end ?? ""),
    };
}
