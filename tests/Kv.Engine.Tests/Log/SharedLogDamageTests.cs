using System.Buffers.Binary;
using Kv.Base;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Log;

/// <summary>
/// F4, F8, F9, F10, F13, R5 and bad-input row 63: damage is refused by name or pinned to groups, never silent.
/// </summary>
public class SharedLogDamageTests
{
    private readonly MemoryFileSystem _files = new();
    private readonly LogModel _model = new();

    [Fact]
    public void Open_AnyBitFlipped_IsRefusedOrPinnedOrHarmless()
    {
        WriteSegments(batches: 60);
        Dictionary<ulong, string> whole = DescribeGroups(_model);
        List<string> paths = LogTools.SegmentPaths(_files);
        (long lastFrame, int lastLength) = LogTools.Frames(_files.Peek(paths[^1]))[^1];
        DeterministicRandom random = new(3);
        int refused = 0;
        int pinned = 0;
        foreach (string path in paths)
        {
            byte[] bytes = _files.Peek(path);
            List<(long Offset, int Length)> frames = LogTools.Frames(bytes);
            int end = (int)(frames[^1].Offset + frames[^1].Length);
            for (int offset = 0; offset < end; offset += random.Next(1, 8))
            {
                if (path == paths[^1] && offset >= lastFrame && offset < lastFrame + lastLength)
                {
                    // The last frame alone may go as a torn tail; SharedLogTornTailTests has it.
                    continue;
                }

                MemoryFileSystem files = _files.Clone();
                files.FlipBit(path, offset, random.Next(8));
                bool inPadding = IsPadding(bytes, frames, offset);
                switch (OpenDamaged(files, whole, $"{path} at {offset}"))
                {
                    case Verdict.Refused:
                        refused++;
                        break;
                    case Verdict.Pinned:
                        pinned++;
                        break;
                    case Verdict.Whole:
                        Assert.True(inPadding, $"a flip in {path} at {offset} was not noticed");
                        break;
                }
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{refused} refused, {pinned} pinned");
        Assert.True(refused > 100 && pinned > 500, $"{refused} refused, {pinned} pinned");
    }

    [Fact]
    public void Open_SealedSegmentUnreadable_PinsItsGroups()
    {
        WriteSegments(batches: 60);
        string path = LogTools.SegmentPaths(_files)[1];
        _files.FailReads(path, LogTools.Frames(_files.Peek(path))[1].Offset, 100);

        using SharedLog log = LogTools.Open(_files);

        Assert.NotEmpty(log.DamagedGroups);
        Assert.All(log.DamagedGroups, damage => Assert.Contains("EIO", damage.Reason, StringComparison.Ordinal));
    }

    [Fact]
    public void DamagedGroup_IsRefusedEverywhereUntilItIsDestroyed()
    {
        DamageGroupOne();
        using (SharedLog log = LogTools.Open(_files))
        {
            LogDamage damage = Assert.Single(log.DamagedGroups);
            Assert.Equal(1UL, damage.Group);
            Assert.Throws<LogDamagedException>(() => log.Find(1));
            Assert.Throws<LogDamagedException>(() => log.TryGetTerm(1, 1, out _));
            Assert.Throws<LogDamagedException>(() => log.Read(1, 1, 2, 100, []));
            LogDamagedException refused = Assert.Throws<LogDamagedException>(() => log.Append(1, LogTools.Entry(1, 1)));
            Assert.Contains("group 1 is damaged", refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(log.Groups(), group => group.Group == 1);
            log.Append(2, LogTools.Entry(log.Find(2)!.Value.LastIndex + 1, 9));
        }

        using (SharedLog log = LogTools.Open(_files))
        {
            Assert.Equal(1UL, Assert.Single(log.DamagedGroups).Group);
            log.Write(LogTools.Batch(batch =>
            {
                batch.Destroy(1);
                batch.SetHardState(1, new LogHardState(7, 1, 0));
            }));
            Assert.Equal(7UL, log.Find(1)!.Value.HardState.Term);
        }

        _files.CrashToDurable();
        using SharedLog healed = LogTools.Open(_files);
        Assert.Empty(healed.DamagedGroups);
        Assert.Equal(7UL, healed.Find(1)!.Value.HardState.Term);
    }

    [Fact]
    public void DamagedGroup_StaysDamagedAfterItsSegmentWasPurged()
    {
        DamageGroupOne();
        string damagedFile = Path.GetFileName(LogTools.SegmentPaths(_files)[0]);
        using (SharedLog log = LogTools.Open(_files))
        {
            for (int i = 0; i < 200; i++)
            {
                ulong last = log.Find(2)!.Value.LastIndex;
                log.Append(2, LogTools.Entry(last + 1, 9, length: 60));
                log.Write(LogTools.Batch(batch => batch.CutPrefix(2, last + 1, 9)));
                log.Purge(0);
            }
        }

        Assert.DoesNotContain(damagedFile, _files.ListFiles(LogTools.Folder));
        using SharedLog again = LogTools.Open(_files);
        Assert.Equal(1UL, Assert.Single(again.DamagedGroups).Group);
    }

    [Fact]
    public void Open_MiddleSegmentMissing_IsRefusedByName()
    {
        WriteSegments(batches: 60);
        string path = LogTools.SegmentPaths(_files)[1];
        _files.Delete(path);

        LogDamagedException refused = Assert.Throws<LogDamagedException>(() => LogTools.Open(_files));

        Assert.Equal(Path.GetFileName(path), refused.File);
        Assert.Contains("missing", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NewerFormat_IsRefusedAndNothingIsTouched()
    {
        WriteSegments(batches: 10);
        string path = LogTools.SegmentPaths(_files)[^1];
        _files.Overwrite(path, 8, [2, 0, 0, 0]);
        long mutations = _files.MutationCount;

        LogFormatException refused = Assert.Throws<LogFormatException>(() => LogTools.Open(_files));

        Assert.Contains("format version 2 is newer than 1", refused.Message, StringComparison.Ordinal);
        Assert.Equal(mutations, _files.MutationCount);
    }

    [Fact]
    public void Open_SegmentOfAnotherLog_IsRefused()
    {
        WriteSegments(batches: 60);
        MemoryFileSystem other = new();
        using (SharedLog log = LogTools.Open(other, LogTools.Small with { LogId = 99 }))
        {
            log.Append(1, LogTools.Entry(1, 1));
        }

        string path = LogTools.SegmentPaths(_files)[0];
        _files.Overwrite(path, 0, other.Peek(LogTools.SegmentPaths(other)[0]));

        Assert.Throws<LogFormatException>(() => LogTools.Open(_files));
    }

    [Fact]
    public void Open_ZeroedSectorInside_IsNotATail()
    {
        WriteSegments(batches: 60);
        string path = LogTools.SegmentPaths(_files)[^1];
        List<(long Offset, int Length)> frames = LogTools.Frames(_files.Peek(path));
        Assert.True(frames.Count > 3);
        _files.Overwrite(path, frames[1].Offset, new byte[frames[1].Length]);

        Assert.Throws<LogDamagedException>(() => LogTools.Open(_files));
    }

    [Fact]
    public void Open_ValidFrameAtAnotherOffset_IsNoFrame()
    {
        WriteSegments(batches: 10);
        string before = _model.Describe();
        string path = LogTools.SegmentPaths(_files)[^1];
        byte[] bytes = _files.Peek(path);
        List<(long Offset, int Length)> frames = LogTools.Frames(bytes);
        (long first, int length) = frames[0];
        long end = frames[^1].Offset + frames[^1].Length;
        _files.Overwrite(path, end, bytes.AsSpan((int)first, length));

        using SharedLog log = LogTools.Open(_files);

        Assert.Equal(before, LogTools.Describe(log));
    }

    [Fact]
    public void Open_ValidFrameOfAnotherSegmentAtItsOffset_IsNoFrame()
    {
        WriteSegments(batches: 60);
        List<string> paths = LogTools.SegmentPaths(_files);
        byte[] old = _files.Peek(paths[0]);
        byte[] tip = _files.Peek(paths[^1]);
        long end = LogTools.Frames(tip).Max(frame => frame.Offset + frame.Length);
        foreach ((long offset, int length) in LogTools.Frames(old).Where(frame => frame.Offset >= end))
        {
            _files.Overwrite(paths[^1], offset, old.AsSpan((int)offset, length));
        }

        using SharedLog log = LogTools.Open(_files);

        Assert.Equal(_model.Describe(), LogTools.Describe(log));
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1 << 30)]
    [InlineData(100_000_000)]
    [InlineData(-1)]
    public void Open_FrameWithAHugeLength_CostsNoMemoryAndIsATail(int bodyLength)
    {
        WriteSegments(batches: 3);
        string path = LogTools.SegmentPaths(_files)[^1];
        (long offset, uint chain, ulong number) = Tail(path);
        _files.Overwrite(path, offset, Forge(path, offset, chain, number, body: [], claimedLength: bodyLength));
        long before = GC.GetAllocatedBytesForCurrentThread();

        using SharedLog log = LogTools.Open(_files);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 * 1024 * 1024);
        Assert.Equal(_model.Describe(), LogTools.Describe(log));
    }

    [Fact]
    public void Open_RecordWithAHugeCount_IsRefusedWithoutMemory()
    {
        WriteSegments(batches: 3);
        byte[] append = [3, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x07];
        ForgeAtTail(append);
        long before = GC.GetAllocatedBytesForCurrentThread();

        LogDamagedException refused = Assert.Throws<LogDamagedException>(() => LogTools.Open(_files));

        Assert.Contains("do not parse", refused.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 * 1024 * 1024);
    }

    [Fact]
    public void Open_RecordOfUnknownType_IsRefused()
    {
        WriteSegments(batches: 3);
        ForgeAtTail([77, 1]);

        LogDamagedException refused = Assert.Throws<LogDamagedException>(() => LogTools.Open(_files));

        Assert.Contains("record type 77", refused.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> ContradictingRecords() => new()
    {
        { "index jump", [3, 1, 99, 1, 9, 0, 0, 0, 0, 0, 0] },
        { "index zero", [3, 1, 0, 1, 9, 0, 0, 0, 0, 0, 0] },
        { "entry term goes back", [3, 1, 6, 1, 1, 0, 0, 0, 0, 0, 0] },
        { "hard state term goes back", [2, 1, 1, 0, 0] },
        { "cut behind the last", [4, 1, 50, 5] },
        { "second birth", [1, 1] },
        { "rewrite with another last index", [7, 1, 5, 2, 0, 0, 0, 9, 5, 0] },
        { "rewrite with a lower term", [7, 1, 4, 2, 0, 0, 0, 5, 5, 0] },
        { "rewrite with another vote", [7, 1, 5, 3, 0, 0, 0, 5, 5, 0] },
    };

    [Theory]
    [MemberData(nameof(ContradictingRecords))]
    public void Open_RecordThatContradictsItsGroup_DamagesThatGroupAlone(string what, byte[] record)
    {
        using (SharedLog log = LogTools.Open(_files))
        {
            log.Write(LogTools.Batch(batch =>
            {
                batch.SetHardState(1, new LogHardState(5, 2, 0));
                batch.Append(1, LogTools.Entries(1, 5, 5));
                batch.Append(2, LogTools.Entries(1, 5, 5));
            }));
            log.KeepAlive();
        }

        ForgeAtTail(record);

        using SharedLog again = LogTools.Open(_files);
        Assert.True(again.DamagedGroups.Count == 1 && again.DamagedGroups[0].Group == 1, what);
        Assert.Equal(5, again.ReadAll(2).Count);
    }

    [Fact]
    public void Open_GarbageOnly_IsRefusedAndNeverFoundedOver()
    {
        _files.CreateDirectory(LogTools.Folder);
        byte[] garbage = new byte[8192];
        new DeterministicRandom(5).Fill(garbage);
        using (IFile file = _files.Open($"{LogTools.Folder}/0000000000000001.log", create: true))
        {
            file.WriteAt(0, garbage, "test");
        }

        Assert.Throws<LogDamagedException>(() => LogTools.Open(_files));
    }

    private static bool IsPadding(byte[] segment, List<(long Offset, int Length)> frames, int offset) => frames.Any(
        frame => offset >= frame.Offset + 64 + BodyLength(segment, frame.Offset)
            && offset < frame.Offset + frame.Length);

    private static int BodyLength(byte[] segment, long frame) =>
        BinaryPrimitives.ReadInt32LittleEndian(segment.AsSpan((int)frame + 4));

    private static Dictionary<ulong, string> DescribeGroups(LogModel model) =>
        model.GroupIds.ToDictionary(id => id, id => model.Describe(other => other == id));

    private static Verdict OpenDamaged(MemoryFileSystem files, Dictionary<ulong, string> whole, string where)
    {
        SharedLog log;
        try
        {
            log = LogTools.Open(files);
        }
        catch (Exception exception) when (exception is LogDamagedException or LogFormatException)
        {
            return Verdict.Refused;
        }

        using (log)
        {
            HashSet<ulong> damaged = [.. log.DamagedGroups.Select(damage => damage.Group)];
            IEnumerable<ulong> unharmed = whole.Keys.Where(group => !damaged.Contains(group)).Order();
            string expected = string.Join('\n', unharmed.Select(group => whole[group]));
            Assert.True(expected == LogTools.Describe(log), $"flip in {where}: a group that is not damaged differs");
            return damaged.Count > 0 ? Verdict.Pinned : Verdict.Whole;
        }
    }

    /// <summary>A log of several segments that the model follows.</summary>
    private void WriteSegments(int batches)
    {
        DeterministicRandom random = new(17);
        using SharedLog log = LogTools.Open(_files);
        for (int i = 0; i < batches; i++)
        {
            LogBatch batch = _model.RandomBatch(random, groupCount: 8, payloadMax: 150);
            log.Write(batch);
            _model.Apply(batch);
        }

        log.KeepAlive();
    }

    /// <summary>Several segments, the first with nothing but group 1, and a flip in it.</summary>
    private void DamageGroupOne()
    {
        using (SharedLog log = LogTools.Open(_files))
        {
            for (ulong index = 1; index <= 20; index++)
            {
                log.Append(1, LogTools.Entry(index, 1, length: 200));
            }

            for (ulong index = 1; index <= 30; index++)
            {
                log.Append(2, LogTools.Entry(index, 1, length: 200));
            }
        }

        string path = LogTools.SegmentPaths(_files)[0];
        _files.FlipBit(path, LogTools.Frames(_files.Peek(path))[2].Offset + 80, 3);
    }

    private void ForgeAtTail(byte[] body)
    {
        string path = LogTools.SegmentPaths(_files)[^1];
        (long offset, uint chain, ulong number) = Tail(path);
        _files.Overwrite(path, offset, Forge(path, offset, chain, number, body, body.Length));
    }

    private (long Offset, uint Chain, ulong FrameNumber) Tail(string path)
    {
        byte[] bytes = _files.Peek(path);
        (long offset, int length) = LogTools.Frames(bytes)[^1];
        ReadOnlySpan<byte> last = bytes.AsSpan((int)offset);
        return (offset + length, BinaryPrimitives.ReadUInt32LittleEndian(last[60..]),
            BinaryPrimitives.ReadUInt64LittleEndian(last[24..]) + 1);
    }

    /// <summary>A frame with good checksums, made from the written description of the format.</summary>
    private byte[] Forge(string path, long offset, uint chain, ulong number, byte[] body, int claimedLength)
    {
        byte[] segment = _files.Peek(path);
        uint seed = Crc32C.Compute(segment.AsSpan(16, 8));
        byte[] frame = new byte[64 + body.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, 0x5246564B);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), claimedLength);
        segment.AsSpan(24, 8).CopyTo(frame.AsSpan(8));
        BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(16), offset);
        BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(24), number);
        BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(32), offset);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(40), chain);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(44), Crc32C.Extend(seed, body));
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(48), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(60), Crc32C.Extend(seed, frame.AsSpan(0, 60)));
        body.CopyTo(frame, 64);
        return frame;
    }

    private enum Verdict
    {
        Refused,
        Pinned,
        Whole,
    }
}
