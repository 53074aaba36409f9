// Owns the header in front of every stored value, so that expiry, compare by revision and watch need no change of
// format.
using System.Buffers.Binary;
using Kv.Base;

namespace Kv.Protocol;

/// <summary>
/// Layout: format (1 byte, = 1), flags (1 byte, = 0), revision (8 bytes, little-endian), payload. A flag that this
/// version does not know is refused, not ignored.
/// </summary>
public static class StoredValue
{
    public const int HeaderBytes = 10;

    private const byte Format = 1;

    public static void Write(Span<byte> destination, ulong revision, ReadOnlySpan<byte> payload)
    {
        destination[0] = Format;
        destination[1] = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(destination[2..], revision);
        payload.CopyTo(destination[HeaderBytes..]);
    }

    /// <summary>
    /// The payload, pointing into <paramref name="stored"/>. Throws <see cref="MalformedDataException"/> on a foreign
    /// header.
    /// </summary>
    public static ReadOnlySpan<byte> Read(ReadOnlySpan<byte> stored, out ulong revision)
    {
        if (stored.Length < HeaderBytes || stored[0] != Format || stored[1] != 0)
        {
            throw new MalformedDataException("a stored value has a header that this version does not know");
        }

        revision = BinaryPrimitives.ReadUInt64LittleEndian(stored[2..]);
        return stored[HeaderBytes..];
    }
}
