using Kv.Base;

namespace Kv.Ctl.Data;

/// <summary>
/// What to scan: keys from <paramref name="Start"/> (inclusive) to <paramref name="End"/> (exclusive; null is to the
/// last key).
/// </summary>
internal sealed record ScanRange(byte[] Start, byte[]? End)
{
    public static readonly ScanRange All = new([], End: null);

    public bool Reverse { get; init; }

    public bool KeysOnly { get; init; }

    /// <summary>Most rows; 0 is no limit.</summary>
    public long Limit { get; init; }

    public bool IsEmpty => End is not null && KeyOrder.Instance.Compare(Start, End) >= 0;

    /// <summary>All keys that begin with <paramref name="prefix"/>; an empty one is all keys.</summary>
    public static ScanRange OfPrefix(byte[] prefix) => new(prefix, KeyOrder.PrefixEnd(prefix));

    /// <summary>The key right behind <paramref name="key"/> in the order of bytes.</summary>
    public static byte[] Successor(ReadOnlySpan<byte> key) => [.. key, 0];
}
