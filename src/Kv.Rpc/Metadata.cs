using System.Collections;
using Kv.Rpc.Wire;

namespace Kv.Rpc;

/// <summary>
/// Ordered key-value pairs that travel as HTTP/2 headers or trailers. Keys are case-insensitive and stored in lower
/// case; a key may occur many times. Not safe for use by several threads at once.
/// </summary>
public sealed class Metadata : IReadOnlyCollection<MetadataEntry>
{
    private readonly List<MetadataEntry> _entries = [];
    private readonly bool _isReadOnly;

    public Metadata()
    {
    }

    private Metadata(bool isReadOnly) => _isReadOnly = isReadOnly;

    /// <summary>No pairs; adding to it throws.</summary>
    public static Metadata Empty { get; } = new(isReadOnly: true);

    public int Count => _entries.Count;

    /// <summary>Adds text. Throws <see cref="ArgumentException"/> for a key that is malformed, reserved for gRPC or
    /// HTTP, or ends in <c>-bin</c>, and for text that is not printable ASCII.</summary>
    public Metadata Add(string key, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string name = CheckedName(key);
        if (MetadataNames.IsBinary(name))
        {
            throw new ArgumentException($"metadata key '{name}' ends in -bin and carries bytes, not text", nameof(key));
        }

        if (!MetadataNames.IsPrintableAscii(text))
        {
            throw new ArgumentException(
                $"the text of metadata key '{name}' is not printable ASCII; use a key that ends in -bin", nameof(text));
        }

        _entries.Add(new MetadataEntry(name, text));
        return this;
    }

    /// <summary>Adds bytes under a key that ends in <c>-bin</c>. The memory is kept, not copied.</summary>
    public Metadata Add(string key, ReadOnlyMemory<byte> bytes)
    {
        string name = CheckedName(key);
        if (!MetadataNames.IsBinary(name))
        {
            throw new ArgumentException($"metadata key '{name}' carries bytes, so it must end in -bin", nameof(key));
        }

        _entries.Add(new MetadataEntry(name, bytes));
        return this;
    }

    /// <summary>The last text under <paramref name="key"/>; null when there is none.</summary>
    public string? GetText(string key)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            if (!_entries[i].IsBinary && string.Equals(_entries[i].Key, key, StringComparison.OrdinalIgnoreCase))
            {
                return _entries[i].Text;
            }
        }

        return null;
    }

    /// <summary>The last bytes under <paramref name="key"/>; null when there are none.</summary>
    public ReadOnlyMemory<byte>? GetBytes(string key)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            if (_entries[i].IsBinary && string.Equals(_entries[i].Key, key, StringComparison.OrdinalIgnoreCase))
            {
                return _entries[i].Bytes;
            }
        }

        return null;
    }

    public IEnumerable<MetadataEntry> GetAll(string key)
    {
        foreach (MetadataEntry entry in _entries)
        {
            if (string.Equals(entry.Key, key, StringComparison.OrdinalIgnoreCase))
            {
                yield return entry;
            }
        }
    }

    public IEnumerator<MetadataEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Adds what came over the wire; pairs that are no metadata of the application are passed over.</summary>
    internal void AddReceived(string name, string value)
    {
        string key = name.ToLowerInvariant();
        if (!MetadataNames.IsReceivable(key))
        {
            return;
        }

        if (!MetadataNames.IsBinary(key))
        {
            _entries.Add(new MetadataEntry(key, value));
            return;
        }

        // Header lists may join several binary values of one key with commas.
        foreach (Range part in value.AsSpan().Split(','))
        {
            if (BinaryHeader.TryDecode(value.AsSpan()[part], out byte[]? bytes))
            {
                _entries.Add(new MetadataEntry(key, bytes));
            }
        }
    }

    private string CheckedName(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (_isReadOnly)
        {
            throw new InvalidOperationException("Metadata.Empty cannot be changed; make a new Metadata");
        }

        string name = key.ToLowerInvariant();
        if (!MetadataNames.IsWellFormed(name))
        {
            throw new ArgumentException($"metadata key '{key}' may hold only a-z, 0-9, '-', '_' and '.'", nameof(key));
        }

        if (!MetadataNames.IsSendable(name))
        {
            throw new ArgumentException($"metadata key '{name}' is reserved for gRPC and HTTP", nameof(key));
        }

        return name;
    }
}
