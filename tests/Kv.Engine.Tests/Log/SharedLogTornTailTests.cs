using System.Buffers.Binary;
using Kv.Base;
using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Log;

/// <summary>
/// F3, R6: whatever byte the last frames break at, the log is cut there and nothing before it is lost.
/// </summary>
public class SharedLogTornTailTests
{
    private readonly MemoryFileSystem _files = new();
    private readonly List<string> _states = [];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_TailTornAtEveryByteOfTheLastThreeFrames_CutsThere(bool garbageFollows)
    {
        string path = WriteFrames();
        byte[] segment = _files.Peek(path);
        List<(long Offset, int Length)> frames = LogTools.Frames(segment);
        Assert.Equal(_states.Count - 1, frames.Count);
        DeterministicRandom random = new(9);
        int tried = 0;
        for (long cut = frames[^3].Offset; cut <= frames[^1].Offset + frames[^1].Length; cut++)
        {
            MemoryFileSystem files = _files.Clone();
            byte[] tail = new byte[segment.Length - cut];
            if (garbageFollows)
            {
                random.Fill(tail);
            }

            files.Overwrite(path, cut, tail);
            using SharedLog log = LogTools.Open(files, Options);
            string expected = _states[frames.Count(frame => cut >= End(segment, frame.Offset))];
            string found = LogTools.Describe(log);
            Assert.True(expected == found, $"cut at {cut}: found\n{found}\nexpected\n{expected}");
            log.Append(1, LogTools.Entry(log.Find(1)!.Value.LastIndex + 1, 9));
            tried++;
        }

        Assert.True(tried > 300);
    }

    [Fact]
    public void Open_FileEndsInsideTheLastFrame_CutsThere()
    {
        string path = WriteFrames();
        (long offset, int length) = LogTools.Frames(_files.Peek(path))[^1];
        for (long end = offset; end < offset + length - 8; end++)
        {
            MemoryFileSystem files = _files.Clone();
            using (Kv.Engine.Files.IFile file = files.Open(path, create: false))
            {
                file.Truncate(end, "test");
            }

            using SharedLog log = LogTools.Open(files, Options);
            Assert.Equal(_states[^2], LogTools.Describe(log));
        }
    }

    [Fact]
    public void Open_FrameBehindATornOneThatNamesItDurable_IsDamage()
    {
        string path = WriteFrames();
        List<(long Offset, int Length)> frames = LogTools.Frames(_files.Peek(path));
        for (int frame = 0; frame < frames.Count - 1; frame++)
        {
            MemoryFileSystem files = _files.Clone();
            files.Overwrite(path, frames[frame].Offset, new byte[frames[frame].Length]);

            LogDamagedException refused = Assert.Throws<LogDamagedException>(() => LogTools.Open(files, Options));

            Assert.Equal(frames[frame].Offset, refused.Offset);
            Assert.Equal(Path.GetFileName(path), refused.File);
            Assert.Contains("durable", refused.Message, StringComparison.Ordinal);
        }
    }

    private static SharedLogOptions Options => LogTools.Small with { SegmentBytes = 16 * 1024 };

    private static long End(byte[] segment, long frame) =>
        frame + 64 + BinaryPrimitives.ReadInt32LittleEndian(segment.AsSpan((int)frame + 4));

    private string WriteFrames()
    {
        using SharedLog log = LogTools.Open(_files, Options);
        _states.Add(LogTools.Describe(log));
        for (ulong index = 1; index <= 6; index++)
        {
            log.Write(LogTools.Batch(batch =>
            {
                batch.Append(1, LogTools.Entries(index, index, index, length: 30));
                batch.SetHardState(2, new LogHardState(index, 1, 7));
            }));
            _states.Add(LogTools.Describe(log));
        }

        return LogTools.SegmentPaths(_files)[^1];
    }
}
