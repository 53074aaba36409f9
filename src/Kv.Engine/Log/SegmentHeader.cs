// Owns the opening block of a segment. It seals the segment before it: where that one ends, the checksum of its last
// frame and the index of the groups in it, kept here so that damage there cannot take its own index along (Damage law).
// It may also carry records over from a tail that was in doubt at open (Frame law). Invariant: the block is synced
// before any frame follows it, so a broken block with a valid frame behind it is damage, and one without was never
// begun.
using System.Buffers.Binary;
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Log;

internal sealed record SegmentHeader
{
    private const int CrcAt = LogFormat.SegmentHeaderBytes - sizeof(uint);

    public required ulong LogId { get; init; }

    public required ulong FileNumber { get; init; }

    /// <summary>The segment before this one; 0 = this is the first.</summary>
    public required ulong PreviousFile { get; init; }

    /// <summary>Where the segment before ends; what follows there is dead even if it parses.</summary>
    public required long PreviousEnd { get; init; }

    /// <summary>Checksum of the last frame before <see cref="PreviousEnd"/>.</summary>
    public required uint PreviousChain { get; init; }

    /// <summary>Segments up to this number were purged when the block was written.</summary>
    public required ulong PurgedThrough { get; init; }

    /// <summary>Number of the first frame behind this block.</summary>
    public required ulong FirstFrameNumber { get; init; }

    /// <summary>Encoded <see cref="SegmentIndex"/> of the segment before.</summary>
    public required byte[] Index { get; init; }

    /// <summary>Encoded records that belong before the first frame.</summary>
    public required byte[] Carried { get; init; }

    /// <summary>Checksum of the block; the first frame's chain. Set when read or written.</summary>
    public uint Crc { get; private set; }

    public long CarriedOffset => LogFormat.SegmentHeaderBytes + Index.Length;

    /// <summary>Where the first frame starts.</summary>
    public long FramesOffset => LogFormat.Align(CarriedOffset + Carried.Length);

    public byte[] Encode()
    {
        byte[] block = new byte[FramesOffset];
        Index.CopyTo(block, LogFormat.SegmentHeaderBytes);
        Carried.CopyTo(block, (int)CarriedOffset);
        uint seed = LogFormat.Seed(LogId);
        BinaryPrimitives.WriteUInt64LittleEndian(block, LogFormat.SegmentMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(8), LogFormat.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(16), LogId);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(24), FileNumber);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(32), PreviousFile);
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(40), PreviousEnd);
        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(48), PreviousChain);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(56), PurgedThrough);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(64), FirstFrameNumber);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(72), Index.Length);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(76), Carried.Length);
        uint bodyCrc = Crc32C.Extend(seed, block.AsSpan(LogFormat.SegmentHeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(80), bodyCrc);
        Crc = Crc32C.Extend(seed, block.AsSpan(0, CrcAt));
        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(CrcAt), Crc);
        return block;
    }

    /// <summary>
    /// Null when the file does not begin with a whole opening block of segment <paramref name="number"/>. Throws
    /// <see cref="LogFormatException"/> for a block of a newer version.
    /// </summary>
    public static SegmentHeader? TryRead(IFile file, ulong number)
    {
        Span<byte> head = stackalloc byte[LogFormat.SegmentHeaderBytes];
        if (file.ReadAt(0, head) < head.Length
            || BinaryPrimitives.ReadUInt64LittleEndian(head) != LogFormat.SegmentMagic)
        {
            return null;
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(head[8..]);
        if (version > LogFormat.Version)
        {
            throw new LogFormatException(
                file.Path, $"format version {version} is newer than {LogFormat.Version}, the newest this build reads");
        }

        ulong logId = BinaryPrimitives.ReadUInt64LittleEndian(head[16..]);
        uint seed = LogFormat.Seed(logId);
        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(head[CrcAt..]);
        int indexLength = BinaryPrimitives.ReadInt32LittleEndian(head[72..]);
        int carriedLength = BinaryPrimitives.ReadInt32LittleEndian(head[76..]);
        if (Crc32C.Extend(seed, head[..CrcAt]) != crc || BinaryPrimitives.ReadUInt64LittleEndian(head[24..]) != number
            || indexLength < 0 || carriedLength < 0
            || (long)indexLength + carriedLength > file.Length - LogFormat.SegmentHeaderBytes)
        {
            return null;
        }

        // The lengths are believed: they passed the checksum and lie inside the file.
        byte[] body = new byte[LogFormat.Align(indexLength + carriedLength)];
        if (file.ReadAt(LogFormat.SegmentHeaderBytes, body) < body.Length
            || Crc32C.Extend(seed, body) != BinaryPrimitives.ReadUInt32LittleEndian(head[80..]))
        {
            return null;
        }

        return new SegmentHeader
        {
            LogId = logId,
            FileNumber = number,
            PreviousFile = BinaryPrimitives.ReadUInt64LittleEndian(head[32..]),
            PreviousEnd = BinaryPrimitives.ReadInt64LittleEndian(head[40..]),
            PreviousChain = BinaryPrimitives.ReadUInt32LittleEndian(head[48..]),
            PurgedThrough = BinaryPrimitives.ReadUInt64LittleEndian(head[56..]),
            FirstFrameNumber = BinaryPrimitives.ReadUInt64LittleEndian(head[64..]),
            Index = body[..indexLength],
            Carried = body[indexLength..(indexLength + carriedLength)],
            Crc = crc,
        };
    }
}
