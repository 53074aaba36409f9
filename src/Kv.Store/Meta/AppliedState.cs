using System.Buffers.Binary;
using Kv.Base;

namespace Kv.Store.Meta;

/// <summary>
/// What a region's apply has reached. Written in the same batch as the effects, so that after any crash data and this
/// agree (Cut law: index and term).
/// </summary>
/// <param name="Index">Last applied entry.</param>
/// <param name="Term">Its term.</param>
/// <param name="Revision">Region counter, raised by one per applied command (Revision law).</param>
/// <param name="RegionTime">Newest time any applied entry carried, in microseconds; never goes back.</param>
/// <param name="Floor">Writes stamped below are refused unexecuted (Once law).</param>
internal readonly record struct AppliedState(LogIndex Index, Term Term, ulong Revision, ulong RegionTime, ulong Floor)
{
    public const int Bytes = 41;

    private const byte Format = 1;

    public void Write(Span<byte> destination)
    {
        destination[0] = Format;
        BinaryPrimitives.WriteUInt64LittleEndian(destination[1..], Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[9..], Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[17..], Revision);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[25..], RegionTime);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[33..], Floor);
    }

    public static AppliedState Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Bytes || bytes[0] != Format)
        {
            throw new MalformedDataException($"applied state of {bytes.Length} bytes is not of a known format");
        }

        return new AppliedState(
            new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(bytes[1..])),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(bytes[9..])),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[17..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[25..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[33..]));
    }
}
