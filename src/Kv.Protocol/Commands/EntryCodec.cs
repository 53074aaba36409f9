// Owns the bytes of a raft entry: what the log keeps, what the wire carries and what apply reads (Format law). One
// entry holds all client writes of a region that were waiting when it was built; it has one region version and one
// region time.
//
// Entry: format (1 byte, = 1), region version (varint), region time in microseconds (varint), command count (varint),
// commands.
// Command:  length (varint) of what follows: kind (1 byte), kind version (1 byte), session (16 bytes), sequence, stamp,
//           lowest unacknowledged (varints), body.
// Body of a write (kind 1), version 1: mutation count (varint), then per mutation its kind (1 byte), key
//           (length-prefixed) and, for a put, value (length-prefixed).
// Version 2: index of the first mutation (varint), then the same with more kinds. Put, put if absent, get and put: key,
//           value. Delete: key. Compare and put: key, expectation, value. Compare and delete: key, expectation. Delete
//           range: first key, end key. Sequence and its reset: key, number (varint).
// Expectation: kind (1 byte: 1 absent, 2 value, 3 revision), then value (length-prefixed) or revision (varint).
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

    /// <summary>Puts and deletes alone.</summary>
    public const byte PlainVersion = 1;

    /// <summary>Writes with any other kind of mutation; only they are of this version (Apply law).</summary>
    public const byte GuardedVersion = 2;

    /// <summary>Most commands one entry may hold; checked when it is read, before anything is allocated.</summary>
    public const int CommandCountMax = 65_536;

    /// <summary>
    /// A write command, ready to be put into an entry. Keys in <paramref name="internalKeys"/> stand beside the
    /// mutations, and so do the ends of ranges in <paramref name="internalEnds"/>, null when there are none.
    /// </summary>
    public static byte[] EncodeWrite(
        CommandIdentity identity,
        IReadOnlyList<byte[]> internalKeys,
        IReadOnlyList<Mutation> mutations,
        IReadOnlyList<byte[]?>? internalEnds = null,
        uint firstIndex = 0)
    {
        Invariant.Require(internalKeys.Count == mutations.Count);
        Invariant.Require(firstIndex <= int.MaxValue);
        int size = 2 + SessionId.Bytes + (5 * SpanWriter.VarUInt64BytesMax);
        bool plain = true;
        for (int i = 0; i < mutations.Count; i++)
        {
            Mutation mutation = mutations[i];
            size += 1 + (2 * SpanWriter.VarUInt64BytesMax) + internalKeys[i].Length + mutation.Value.Length;
            if (mutation.Kind is not (MutationKind.Put or MutationKind.Delete))
            {
                plain = false;
                size += 1 + (2 * SpanWriter.VarUInt64BytesMax) + (internalEnds?[i]?.Length ?? 0)
                    + (mutation.Expected?.Value.Length ?? 0);
            }
        }

        var output = new ArrayBufferWriter<byte>(size);
        var writer = new SpanWriter(output);
        writer.WriteByte((byte)CommandKind.Write);
        writer.WriteByte(plain ? PlainVersion : GuardedVersion);
        identity.Session.Write(output.GetSpan(SessionId.Bytes));
        output.Advance(SessionId.Bytes);
        writer.WriteVarUInt64(identity.Sequence);
        writer.WriteVarUInt64(identity.Stamp);
        writer.WriteVarUInt64(identity.LowestUnacknowledged);
        if (!plain)
        {
            writer.WriteVarUInt64(firstIndex);
        }

        writer.WriteVarUInt64((ulong)mutations.Count);
        for (int i = 0; i < mutations.Count; i++)
        {
            writer.WriteByte((byte)mutations[i].Kind);
            writer.WriteBytes(internalKeys[i]);
            if (mutations[i].Kind == MutationKind.Put)
            {
                writer.WriteBytes(mutations[i].Value.Span);
            }
            else if (mutations[i].Kind != MutationKind.Delete)
            {
                EncodeGuarded(writer, mutations[i], internalEnds?[i]);
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

    /// <summary>What follows the key of a mutation that only version 2 knows.</summary>
    private static void EncodeGuarded(SpanWriter writer, Mutation mutation, byte[]? internalEnd)
    {
        switch (mutation.Kind)
        {
            case MutationKind.PutIfAbsent or MutationKind.GetAndPut:
                writer.WriteBytes(mutation.Value.Span);
                break;
            case MutationKind.CompareAndPut:
                EncodeExpectation(writer, mutation.Expected);
                writer.WriteBytes(mutation.Value.Span);
                break;
            case MutationKind.CompareAndDelete:
                EncodeExpectation(writer, mutation.Expected);
                break;
            case MutationKind.DeleteRange:
                Invariant.Require(internalEnd is not null);
                writer.WriteBytes(internalEnd);
                break;
            case MutationKind.Sequence or MutationKind.SequenceReset:
                Invariant.Require(mutation.Number >= 0);
                writer.WriteVarUInt64((ulong)mutation.Number);
                break;
            default:
                throw Invariant.Unreachable(mutation.Kind);
        }
    }

    private static void EncodeExpectation(SpanWriter writer, Expectation expected)
    {
        switch (expected.KindCase)
        {
            case Expectation.KindOneofCase.Absent:
                writer.WriteByte((byte)ExpectationKind.Absent);
                break;
            case Expectation.KindOneofCase.Value:
                writer.WriteByte((byte)ExpectationKind.Value);
                writer.WriteBytes(expected.Value.Span);
                break;
            case Expectation.KindOneofCase.Revision:
                writer.WriteByte((byte)ExpectationKind.Revision);
                writer.WriteVarUInt64(expected.Revision);
                break;
            case Expectation.KindOneofCase.None:
            default:
                throw Invariant.Unreachable(expected.KindCase);
        }
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
