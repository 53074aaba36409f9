// Owns the 64 bytes before each frame's body (Frame law). The header has its own checksum, so that a length is believed
// before the body is read; it names its file and offset, so that a frame at the wrong place, or one left in a recycled
// file, is no frame.
using System.Buffers.Binary;
using Kv.Base;

namespace Kv.Engine.Log;

/// <summary>Header of one frame: one sync group of any number of groups' records.</summary>
/// <param name="BodyLength">Bytes of records behind the header.</param>
/// <param name="FileNumber">The segment it was written to.</param>
/// <param name="Offset">Where in the segment.</param>
/// <param name="FrameNumber">Rises by one per frame over the log's life.</param>
/// <param name="DurableOffset">The end of what was known durable in this file when the frame was written.</param>
/// <param name="Chain">The checksum of the frame before, or of the segment's opening block.</param>
/// <param name="BodyCrc">Checksum of the body.</param>
/// <param name="RecordCount">Records in the body.</param>
/// <param name="Crc">Checksum of the header, and through <paramref name="BodyCrc"/> of the frame.</param>
internal readonly record struct FrameHeader(
    int BodyLength,
    ulong FileNumber,
    long Offset,
    ulong FrameNumber,
    long DurableOffset,
    uint Chain,
    uint BodyCrc,
    int RecordCount,
    uint Crc)
{
    private const int CrcAt = LogFormat.FrameHeaderBytes - sizeof(uint);

    /// <summary>Bytes from this frame's start to the next one's.</summary>
    public int TotalBytes => LogFormat.Align(LogFormat.FrameHeaderBytes + BodyLength);

    /// <summary>Writes the header and returns its checksum.</summary>
    public uint Write(Span<byte> target, uint seed)
    {
        target = target[..LogFormat.FrameHeaderBytes];
        target.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, LogFormat.FrameMagic);
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], BodyLength);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], FileNumber);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], FrameNumber);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], DurableOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(target[40..], Chain);
        BinaryPrimitives.WriteUInt32LittleEndian(target[44..], BodyCrc);
        BinaryPrimitives.WriteInt32LittleEndian(target[48..], RecordCount);
        uint crc = Crc32C.Extend(seed, target[..CrcAt]);
        BinaryPrimitives.WriteUInt32LittleEndian(target[CrcAt..], crc);
        return crc;
    }

    /// <summary>Null when the bytes are no frame header of this log, file and offset.</summary>
    public static FrameHeader? TryRead(ReadOnlySpan<byte> source, uint seed, ulong fileNumber, long offset)
    {
        if (source.Length < LogFormat.FrameHeaderBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(source) != LogFormat.FrameMagic
            || BinaryPrimitives.ReadUInt64LittleEndian(source[8..]) != fileNumber
            || BinaryPrimitives.ReadInt64LittleEndian(source[16..]) != offset)
        {
            return null;
        }

        uint crc = BinaryPrimitives.ReadUInt32LittleEndian(source[CrcAt..]);
        int bodyLength = BinaryPrimitives.ReadInt32LittleEndian(source[4..]);
        if (Crc32C.Extend(seed, source[..CrcAt]) != crc || bodyLength is < 0 or > LogFormat.BodyBytesMax)
        {
            return null;
        }

        return new FrameHeader(
            bodyLength,
            fileNumber,
            offset,
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[40..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[44..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[48..]),
            crc);
    }
}
