// Owns the bytes of a frame, or of a block, while they are put together. One user at a time; reused from frame to
// frame.
using System.Buffers.Binary;

namespace Kv.Engine.Log;

internal sealed class ByteBuilder(int capacity)
{
    private byte[] _bytes = new byte[capacity];

    public int Length { get; private set; }

    public int Capacity => _bytes.Length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Bytes to be filled in later, zero until then.</summary>
    public void Skip(int count)
    {
        Reserve(count);
        _bytes.AsSpan(Length, count).Clear();
        Length += count;
    }

    public Span<byte> Slice(int start, int count) => _bytes.AsSpan(0, Length).Slice(start, count);

    public void WriteByte(byte value)
    {
        Reserve(1);
        _bytes[Length++] = value;
    }

    public void WriteUInt32(uint value)
    {
        Reserve(sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(Length), value);
        Length += sizeof(uint);
    }

    public void WriteVarUInt64(ulong value)
    {
        Reserve(Kv.Base.SpanWriter.VarUInt64BytesMax);
        while (value >= 0x80)
        {
            _bytes[Length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _bytes[Length++] = (byte)value;
    }

    public void WriteRaw(ReadOnlySpan<byte> value)
    {
        Reserve(value.Length);
        value.CopyTo(_bytes.AsSpan(Length));
        Length += value.Length;
    }

    private void Reserve(int count)
    {
        int needed = checked(Length + count);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(needed, _bytes.Length * 2L)));
        }
    }
}
