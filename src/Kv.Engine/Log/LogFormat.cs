// Owns the constants of the log's files (Format law). docs/on-disk-format.md describes the same in words.
using System.Buffers.Binary;
using Kv.Base;

namespace Kv.Engine.Log;

internal static class LogFormat
{
    /// <summary>Raised with every change of what is written; a file with a greater one is refused.</summary>
    public const uint Version = 1;

    /// <summary>"KVLOGSEG", little-endian.</summary>
    public const ulong SegmentMagic = 0x474553474F4C564B;

    /// <summary>"KVFR", little-endian.</summary>
    public const uint FrameMagic = 0x5246564B;

    public const int SegmentHeaderBytes = 128;
    public const int FrameHeaderBytes = 64;

    /// <summary>Frames start at multiples of this, so that a search for frames need not try every byte.</summary>
    public const int Alignment = 8;

    /// <summary>No frame's body is longer; a header that claims more is no header.</summary>
    public const int BodyBytesMax = 1 << 30;

    public static long Align(long offset) => (offset + (Alignment - 1)) & ~(Alignment - 1L);

    public static int Align(int length) => checked((int)Align((long)length));

    /// <summary>
    /// Every checksum of a log starts from its identity, so that no frame of another log, and no bytes a client stored,
    /// pass for one of this log.
    /// </summary>
    public static uint Seed(ulong logId)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, logId);
        return Crc32C.Compute(bytes);
    }
}

/// <summary>The records inside a frame. Numbers are on disk: never reuse one.</summary>
internal enum LogRecordType : byte
{
    /// <summary>The group is new: everything known of it begins here.</summary>
    Birth = 1,
    HardState = 2,
    Append = 3,
    CutPrefix = 4,
    Reset = 5,
    Destroy = 6,

    /// <summary>A rewritten copy of a group's state and oldest entries (Purge law).</summary>
    Restore = 7,

    /// <summary>The group is damaged until it is destroyed (Damage law).</summary>
    DamageMark = 8,

    /// <summary>Every segment up to a number is dead, whether or not its file is still there.</summary>
    PurgeMark = 9,
}
