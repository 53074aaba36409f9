// Owns the bytes of what the mutations of a write have seen, as an outcome row keeps them for retries (Once law, Format
// law).
//
// Result: index (varint), flags (1 byte: 1 failed, 2 found, 4 value dropped, 8 start), with found the revision (varint)
// and, unless dropped, the value (length-prefixed), with start the number (varint). Results follow each other to the
// end.
using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Protocol.Commands;

/// <summary>Encodes results of mutations. What decodes is equal to what was encoded.</summary>
public static class ResultCodec
{
    private const byte Failed = 1;
    private const byte Found = 2;
    private const byte ValueDropped = 4;
    private const byte Start = 8;

    /// <summary>The results in bytes; null when they are more than <paramref name="bytesMax"/>.</summary>
    public static byte[]? Encode(RepeatedField<MutationResult> results, int bytesMax)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new SpanWriter(output);
        foreach (MutationResult result in results)
        {
            if (output.WrittenCount + result.Value.Length > bytesMax)
            {
                return null;
            }

            Write(writer, result);
        }

        return output.WrittenCount <= bytesMax ? output.WrittenSpan.ToArray() : null;
    }

    /// <summary>Adds the results; throws <see cref="MalformedDataException"/> on bytes that are none.</summary>
    public static void Decode(ReadOnlySpan<byte> bytes, RepeatedField<MutationResult> results)
    {
        var reader = new SpanReader(bytes);
        while (!reader.AtEnd)
        {
            var result = new MutationResult { Index = (uint)reader.ReadVarInt32(int.MaxValue) };
            byte flags = reader.ReadByte();
            if (flags > (Failed | Found | ValueDropped | Start))
            {
                throw new MalformedDataException($"flags {flags} of a result are not known to this version");
            }

            result.Failed = (flags & Failed) != 0;
            result.Found = (flags & Found) != 0;
            result.ValueDropped = (flags & ValueDropped) != 0;
            if (result.Found)
            {
                result.Revision = reader.ReadVarUInt64();
                result.Value = result.ValueDropped ? ByteString.Empty : ByteString.CopyFrom(reader.ReadBytes());
            }

            if ((flags & Start) != 0)
            {
                result.Start = (long)(reader.ReadVarUInt64() & long.MaxValue);
            }

            results.Add(result);
        }
    }

    private static void Write(SpanWriter writer, MutationResult result)
    {
        writer.WriteVarUInt64(result.Index);
        writer.WriteByte((byte)((result.Failed ? Failed : 0) | (result.Found ? Found : 0)
            | (result.ValueDropped ? ValueDropped : 0) | (result.Start != 0 ? Start : 0)));
        if (result.Found)
        {
            writer.WriteVarUInt64(result.Revision);
            if (!result.ValueDropped)
            {
                writer.WriteBytes(result.Value.Span);
            }
        }

        if (result.Start != 0)
        {
            writer.WriteVarUInt64((ulong)result.Start);
        }
    }
}
