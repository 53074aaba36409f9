// Owns the bytes of single records: type, group, then the fields of the type. All integers are LEB128 except checksums.
using Kv.Base;

namespace Kv.Engine.Log;

internal static class RecordCodec
{
    /// <summary>Most bytes an entry takes besides its payload.</summary>
    public const int EntryOverheadMax = (2 * SpanWriter.VarUInt64BytesMax) + 1 + sizeof(uint);

    public static void Begin(ByteBuilder output, LogRecordType type, ulong group)
    {
        output.WriteByte((byte)type);
        output.WriteVarUInt64(group);
    }

    /// <summary>
    /// Writes term, kind, payload checksum, length and payload; returns where the payload starts in the output.
    /// </summary>
    public static int WriteEntry(ByteBuilder output, in LogEntry entry)
    {
        output.WriteVarUInt64(entry.Term);
        output.WriteByte(entry.Kind);
        output.WriteUInt32(entry.DataCrc);
        output.WriteVarUInt64((ulong)entry.Data.Length);
        int offset = output.Length;
        output.WriteRaw(entry.Data.Span);
        return offset;
    }

    /// <summary>Reads what <see cref="WriteEntry"/> wrote as a place; the payload is passed over.</summary>
    public static EntryPlace ReadEntry(ref SpanReader reader, Segment segment, long bodyOffset, int bodyLength)
    {
        EntryPlace place = new()
        {
            Segment = segment,
            Term = reader.ReadVarUInt64(),
            Kind = reader.ReadByte(),
            Crc = reader.ReadUInt32(),
        };
        ReadOnlySpan<byte> data = reader.ReadBytes();
        place.Length = data.Length;
        place.Offset = checked((uint)(bodyOffset + bodyLength - reader.Remaining - data.Length));
        return place;
    }

    public static void WriteDamageMark(ByteBuilder output, in LogDamage damage)
    {
        Begin(output, LogRecordType.DamageMark, damage.Group);
        ReadOnlySpan<byte> file = System.Text.Encoding.UTF8.GetBytes(damage.File);
        output.WriteVarUInt64((ulong)file.Length);
        output.WriteRaw(file);
        output.WriteVarUInt64((ulong)damage.Offset);
    }

    public static LogDamage ReadDamageMark(ref SpanReader reader, ulong group)
    {
        string file = System.Text.Encoding.UTF8.GetString(reader.ReadBytes());
        return new LogDamage(group, file, (long)reader.ReadVarUInt64(), "marked damaged at an earlier open");
    }
}
