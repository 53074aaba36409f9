// Owns what the column family aux holds for a key beside its value (Key law).
using System.Buffers.Binary;
using Kv.Base;

namespace Kv.Protocol;

/// <summary>
/// Layout: format (1 byte, = 1), flags (1 byte: 1 = a sequence), then for a sequence the next number to hand out (8
/// bytes, little-endian). A flag that this version does not know is refused, not ignored.
/// </summary>
public static class AuxRecord
{
    public const int SequenceBytes = 10;

    private const byte Format = 1;
    private const byte HasSequence = 1;

    public static byte[] OfSequence(long next)
    {
        Invariant.Require(next >= 0);
        byte[] record = new byte[SequenceBytes];
        record[0] = Format;
        record[1] = HasSequence;
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(2), next);
        return record;
    }

    /// <summary>
    /// The next number of the key's sequence; an empty record is none, and a sequence begins at 0. Throws
    /// <see cref="MalformedDataException"/> on a foreign record.
    /// </summary>
    public static long ReadSequence(ReadOnlySpan<byte> record)
    {
        if (record.IsEmpty)
        {
            return 0;
        }

        if (record.Length != SequenceBytes || record[0] != Format || record[1] != HasSequence
            || BinaryPrimitives.ReadInt64LittleEndian(record[2..]) is < 0)
        {
            throw new MalformedDataException("a record beside a key is not known to this version");
        }

        return BinaryPrimitives.ReadInt64LittleEndian(record[2..]);
    }
}
