using System.Text;

namespace Kv.Client;

/// <summary>One row of a scan. The bytes are never changed afterwards and may be kept.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value; empty when only keys were asked for.</param>
/// <param name="Revision">The revision of the write that made it.</param>
public readonly record struct KeyValueEntry(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, ulong Revision)
{
    /// <summary>The key as UTF-8 text; bytes that are not UTF-8 become U+FFFD.</summary>
    public string KeyText => Encoding.UTF8.GetString(Key.Span);

    /// <summary>The value as UTF-8 text; bytes that are not UTF-8 become U+FFFD.</summary>
    public string ValueText => Encoding.UTF8.GetString(Value.Span);
}
