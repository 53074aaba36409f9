using System.Text;

namespace Kv.Rpc;

/// <summary>
/// One pair of <see cref="Metadata"/>. The key is lower case. A key that ends in <c>-bin</c> carries bytes, any other
/// carries printable ASCII text.
/// </summary>
public readonly struct MetadataEntry
{
    private readonly string? _text;
    private readonly ReadOnlyMemory<byte> _bytes;

    internal MetadataEntry(string key, string text) => (Key, _text) = (key, text);

    internal MetadataEntry(string key, ReadOnlyMemory<byte> bytes) => (Key, _bytes) = (key, bytes);

    public string Key { get; }

    public bool IsBinary => _text is null;

    /// <summary>The text; null when the pair carries bytes.</summary>
    public string? Text => _text;

    /// <summary>The bytes; of a text pair, its ASCII bytes.</summary>
    public ReadOnlyMemory<byte> Bytes => _text is null ? _bytes : Encoding.ASCII.GetBytes(_text);
}
