using System.Buffers.Binary;
using Kv.Base;
using Kv.Engine.Files;
using Kv.Engine.Log;

namespace Kv.Engine.Tests.Log;

/// <summary>Short ways to make entries, open logs and read all of a group.</summary>
internal static class LogTools
{
    public const string Folder = "/store/log";

    public static readonly SharedLogOptions Small = new()
    {
        SegmentBytes = 4096,
        CacheBytesMax = 2048,
        RewriteBytesMax = 2048,
        EntryBytesMax = 64 * 1024,
        FrameBytesMax = 256 * 1024,
        LogId = 0x1122334455667788,
    };

    public static SharedLog Open(IFileSystem files, SharedLogOptions? options = null) =>
        SharedLog.Open(files, Folder, options ?? Small);

    public static LogEntry Entry(ulong index, ulong term, int length = 16, byte kind = 1)
    {
        byte[] data = new byte[length];
        new DeterministicRandom((index * 1_000_003) + term + ((ulong)length << 40)).Fill(data);
        return Entry(index, term, data, kind);
    }

    public static LogEntry Entry(ulong index, ulong term, byte[] data, byte kind = 1) =>
        new(index, term, kind, data, Crc32C.Compute(data));

    /// <summary>Entries [from, to], all of one term.</summary>
    public static List<LogEntry> Entries(ulong from, ulong to, ulong term, int length = 16)
    {
        List<LogEntry> entries = [];
        for (ulong index = from; index <= to; index++)
        {
            entries.Add(Entry(index, term, length));
        }

        return entries;
    }

    public static LogBatch Batch(Action<LogBatch> fill)
    {
        LogBatch batch = new();
        fill(batch);
        return batch;
    }

    public static void Append(this SharedLog log, ulong group, params LogEntry[] entries) =>
        log.Write(Batch(batch => batch.Append(group, entries)));

    public static void Append(this SharedLog log, ulong group, List<LogEntry> entries) =>
        log.Write(Batch(batch => batch.Append(group, entries)));

    public static List<LogEntry> ReadAll(this ISharedLog log, ulong group)
    {
        List<LogEntry> entries = [];
        if (log.Find(group) is { } state && state.LastIndex > state.TruncatedIndex)
        {
            Assert.True(log.Read(group, state.TruncatedIndex + 1, state.LastIndex + 1, long.MaxValue, entries));
        }

        return entries;
    }

    /// <summary>Everything the log says of every group, as text: equal texts are equal logs.</summary>
    public static string Describe(ISharedLog log)
    {
        List<string> lines = [];
        foreach (LogGroupState group in log.Groups())
        {
            lines.Add(group.ToString());
            lines.AddRange(log.ReadAll(group.Group).Select(Describe));
        }

        return string.Join('\n', lines);
    }

    public static string Describe(LogEntry entry)
    {
        Assert.Equal(entry.DataCrc, Crc32C.Compute(entry.Data.Span));
        return $"  {entry.Index}/{entry.Term} kind {entry.Kind} {entry.Data.Length} bytes {entry.DataCrc:x8}";
    }

    public static List<string> SegmentPaths(IFileSystem files) =>
        [.. files.ListFiles(Folder).Where(
            name => name.EndsWith(".log", StringComparison.Ordinal)).Select(name => $"{Folder}/{name}")];

    /// <summary>
    /// (offset, total bytes) of the frames in a segment's bytes, found by their magic, number and offset alone.
    /// </summary>
    public static List<(long Offset, int Length)> Frames(byte[] segment)
    {
        ulong number = BinaryPrimitives.ReadUInt64LittleEndian(segment.AsSpan(24));
        List<(long, int)> frames = [];
        for (int offset = 128; offset + 64 <= segment.Length; offset += 8)
        {
            ReadOnlySpan<byte> at = segment.AsSpan(offset);
            if (BinaryPrimitives.ReadUInt32LittleEndian(at) == 0x5246564B
                && BinaryPrimitives.ReadUInt64LittleEndian(at[8..]) == number
                && BinaryPrimitives.ReadInt64LittleEndian(at[16..]) == offset)
            {
                frames.Add((offset, (64 + BinaryPrimitives.ReadInt32LittleEndian(at[4..]) + 7) & ~7));
            }
        }

        return frames;
    }
}
