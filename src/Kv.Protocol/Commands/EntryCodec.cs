// Owns the bytes of a raft entry: what the log keeps, what the wire carries and what apply reads (Format law). One
// entry holds all client writes of a region that were waiting when it was built; it has one region version and one
// region time.
//
// Entry: format (1 byte, = 1), region version (varint), region time in microseconds (varint), command count (varint),
// commands.
// Command:  length (varint) of what follows: kind (1 byte), kind version (1 byte), session (16 bytes), sequence, stamp,
//           lowest unacknowledged (varints), body.
// Body of a write (kind 1, version 1): mutation count (varint), then per mutation its kind (1 byte), key
// (length-prefixed) and,
//           for a put, value (length-prefixed).
using System.Buffers;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Protocol.Commands;

public enum CommandKind : byte
{
    Write = 1,
}

/// <summary>What the commands of an entry share.</summary>
public readonly record struct EntryHeader(ulong RegionVersion, ulong RegionTime, int CommandCount);

/// <summary>Encodes commands and entries. Keys are internal.</summary>
public static class EntryCodec
{
    public const byte EntryFormat = 1;

    public const byte WriteVersion = 1;

    /// <summary>Most commands one entry may hold; checked when it is read, before anything is allocated.</summary>
    public const int CommandCountMax = 65_536;

    /// <summary>
    /// A write command, ready to be put into an entry. Keys in <paramref name="internalKeys"/> stand beside the
    /// mutations.
    /// </summary>
    public static byte[] EncodeWrite(
        CommandIdentity identity, IReadOnlyList<byte[]> internalKeys, IReadOnlyList<Mutation> mutations)
    {
        Invariant.Require(internalKeys.Count == mutations.Count);
        int size = 2 + SessionId.Bytes + (4 * SpanWriter.VarUInt64BytesMax);
        for (int i = 0; i < mutations.Count; i++)
        {
            size += 1 + (2 * SpanWriter.VarUInt64BytesMax) + internalKeys[i].Length + mutations[i].Value.Length;
        }

        var output = new ArrayBufferWriter<byte>(size);
        var writer = new SpanWriter(output);
        writer.WriteByte((byte)CommandKind.Write);
        writer.WriteByte(WriteVersion);
        identity.Session.Write(output.GetSpan(SessionId.Bytes));
        output.Advance(SessionId.Bytes);
        writer.WriteVarUInt64(identity.Sequence);
        writer.WriteVarUInt64(identity.Stamp);
        writer.WriteVarUInt64(identity.LowestUnacknowledged);
        writer.WriteVarUInt64((ulong)mutations.Count);
        for (int i = 0; i < mutations.Count; i++)
        {
            writer.WriteByte((byte)mutations[i].Kind);
            writer.WriteBytes(internalKeys[i]);
            if (mutations[i].Kind == MutationKind.Put)
            {
                writer.WriteBytes(mutations[i].Value.Span);
            }
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>One entry of encoded commands, in order.</summary>
    public static byte[] EncodeEntry(ulong regionVersion, ulong regionTime, ReadOnlySpan<byte[]> commands)
    {
        Invariant.Require(commands.Length is > 0 and <= CommandCountMax);
        int size = 1 + SpanWriter.VarUInt64Length(regionVersion) + SpanWriter.VarUInt64Length(regionTime)
            + SpanWriter.VarUInt64Length((ulong)commands.Length);
        foreach (byte[] command in commands)
        {
            size += SpanWriter.VarUInt64Length((ulong)command.Length) + command.Length;
        }

        byte[] entry = new byte[size];
        int at = 0;
        entry[at++] = EntryFormat;
        at += WriteVar(entry.AsSpan(at), regionVersion);
        at += WriteVar(entry.AsSpan(at), regionTime);
        at += WriteVar(entry.AsSpan(at), (ulong)commands.Length);
        foreach (byte[] command in commands)
        {
            at += WriteVar(entry.AsSpan(at), (ulong)command.Length);
            command.CopyTo(entry.AsSpan(at));
            at += command.Length;
        }

        Invariant.Require(at == size);
        return entry;
    }

    private static int WriteVar(Span<byte> destination, ulong value)
    {
        int count = 0;
        while (value >= 0x80)
        {
            destination[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[count++] = (byte)value;
        return count;
    }
}
