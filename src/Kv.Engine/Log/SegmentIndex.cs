// Owns the list of groups that have records in one segment, with the entries they have there. It lets damage in a
// sealed segment be pinned to groups (Damage law).
using Kv.Base;

namespace Kv.Engine.Log;

/// <summary>A group in a segment; First and Last are 0 when it has no entries there.</summary>
internal readonly record struct SegmentIndexEntry(ulong Group, ulong First, ulong Last);

internal static class SegmentIndex
{
    public static byte[] Encode(IReadOnlyList<LogGroup> touched)
    {
        ByteBuilder output = new(16 + (touched.Count * 8));
        output.WriteVarUInt64((ulong)touched.Count);
        foreach (LogGroup group in touched)
        {
            output.WriteVarUInt64(group.Id);
            output.WriteVarUInt64(group.TouchedFirst);
            output.WriteVarUInt64(group.TouchedLast);
        }

        return output.Written.ToArray();
    }

    /// <summary>The bytes passed the opening block's checksum, so what does not parse is a defect of ours.</summary>
    public static List<SegmentIndexEntry> Decode(ReadOnlySpan<byte> bytes)
    {
        List<SegmentIndexEntry> entries = [];
        SpanReader reader = new(bytes);
        if (reader.AtEnd)
        {
            return entries;
        }

        for (int left = reader.ReadVarInt32(bytes.Length); left > 0; left--)
        {
            entries.Add(new SegmentIndexEntry(reader.ReadVarUInt64(), reader.ReadVarUInt64(), reader.ReadVarUInt64()));
        }

        reader.ExpectEnd();
        return entries;
    }
}
