using System.Buffers;
using System.Buffers.Binary;

namespace Kv.Base;

/// <summary>Writes what <see cref="SpanReader"/> reads. A thin wrapper: the buffer belongs to the caller.</summary>
public readonly ref struct SpanWriter(IBufferWriter<byte> output)
{
    /// <summary>Most bytes a LEB128 encoded 64-bit integer takes.</summary>
    public const int VarUInt64BytesMax = 10;

    private readonly IBufferWriter<byte> _output = output;

    public void WriteByte(byte value)
    {
        _output.GetSpan(1)[0] = value;
        _output.Advance(1);
    }

    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_output.GetSpan(sizeof(uint)), value);
        _output.Advance(sizeof(uint));
    }

    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_output.GetSpan(sizeof(ulong)), value);
        _output.Advance(sizeof(ulong));
    }

    public void WriteInt64(long value) => WriteUInt64(unchecked((ulong)value));

    public void WriteVarUInt64(ulong value)
    {
        Span<byte> span = _output.GetSpan(VarUInt64BytesMax);
        int count = 0;
        while (value >= 0x80)
        {
            span[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[count++] = (byte)value;
        _output.Advance(count);
    }

    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteVarUInt64((ulong)value.Length);
        _output.Write(value);
    }

    public void WriteRaw(ReadOnlySpan<byte> value) => _output.Write(value);

    public static int VarUInt64Length(ulong value)
    {
        int count = 1;
        while (value >= 0x80)
        {
            value >>= 7;
            count++;
        }

        return count;
    }
}
