// Owns reading of our own binary formats. Every length is checked against what is left before it is used, so that
// bytes from disk or wire can never cause a large allocation or a read past the end.
using System.Buffers.Binary;

namespace Kv.Base;

/// <summary>
/// Bytes that do not parse: what was being read and why it is wrong. Comes from disk or wire, never from our own state.
/// </summary>
public sealed class MalformedDataException(string message) : Exception(message);

/// <summary>
/// Reads little-endian fixed integers, LEB128 variable integers and length-prefixed bytes from a span.
/// </summary>
public ref struct SpanReader(ReadOnlySpan<byte> data)
{
    private ReadOnlySpan<byte> _rest = data;

    public readonly int Remaining => _rest.Length;

    public readonly bool AtEnd => _rest.IsEmpty;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    public byte ReadByte() => Take(1)[0];

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public long ReadInt64() => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));

    /// <summary>Unsigned LEB128, at most 10 bytes. Longer or overflowing forms are malformed.</summary>
    public ulong ReadVarUInt64()
    {
        ulong result = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte b = ReadByte();
            if (shift == 63 && b > 1)
            {
                throw new MalformedDataException("variable-length integer overflows 64 bits");
            }

            result |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return result;
            }
        }

        throw new MalformedDataException("variable-length integer is longer than 10 bytes");
    }

    public int ReadVarInt32(int max)
    {
        ulong value = ReadVarUInt64();
        return value <= (ulong)max
            ? (int)value
            : throw new MalformedDataException($"count or length {value} is above {max}");
    }

    /// <summary>Bytes behind a variable-length length. The result points into the source.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        ulong length = ReadVarUInt64();
        if (length > (ulong)_rest.Length)
        {
            throw new MalformedDataException($"length {length} runs past the end, {_rest.Length} bytes are left");
        }

        return Take((int)length);
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)_rest.Length)
        {
            throw new MalformedDataException($"{count} bytes wanted, {_rest.Length} are left");
        }

        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    /// <summary>Requires that everything was read.</summary>
    public readonly void ExpectEnd()
    {
        if (!_rest.IsEmpty)
        {
            throw new MalformedDataException($"{_rest.Length} bytes follow the end");
        }
    }
}
