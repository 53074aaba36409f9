using Kv.Base;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Log;

/// <summary>
/// Purge law: old segments go, what lives in them is rewritten first, and a crash at any step loses nothing.
/// </summary>
public class SharedLogPurgeTests
{
    private readonly MemoryFileSystem _files = new();

    [Fact]
    public void Purge_IdleGroups_PinNothing()
    {
        using SharedLog log = LogTools.Open(_files);
        for (ulong group = 10; group < 20; group++)
        {
            log.Write(LogTools.Batch(batch =>
            {
                batch.SetHardState(group, new LogHardState(group, 1, 5));
                batch.Append(group, LogTools.Entries(1, 3, 2));
                batch.CutPrefix(group, 3, 2);
            }));
        }

        WriteAndCut(log, group: 1, entries: 300);

        Assert.InRange(log.SizeBytes, 4096, 3 * 4096);
        Assert.Equal(11, log.Groups().Count);
        Assert.Equal(new LogGroupState(15, new LogHardState(15, 1, 5), 3, 2, 3, 2, 0), log.Find(15));
        string before = LogTools.Describe(log);
        log.Dispose();
        _files.CrashToDurable();
        using SharedLog again = LogTools.Open(_files);
        Assert.Equal(before, LogTools.Describe(again));
    }

    [Fact]
    public void Purge_FewLiveEntries_AreRewrittenAndReadable()
    {
        using SharedLog log = LogTools.Open(_files);
        log.Append(7, LogTools.Entries(1, 5, 1, length: 40));
        WriteAndCut(log, group: 1, entries: 300);

        Assert.InRange(log.SizeBytes, 4096, 3 * 4096);
        List<LogEntry> entries = log.ReadAll(7);
        Assert.Equal(
            LogTools.Entries(1, 5, 1, length: 40).Select(LogTools.Describe), entries.Select(LogTools.Describe));
    }

    [Fact]
    public void Purge_GroupWithTooMuchLeft_PinsTheLogUntilItIsCut()
    {
        using SharedLog log = LogTools.Open(_files);
        for (ulong index = 1; index <= 20; index++)
        {
            log.Append(7, LogTools.Entry(index, 1, length: 150));
        }

        WriteAndCut(log, group: 1, entries: 100);
        long pinned = log.SizeBytes;
        Assert.True(pinned > 5 * 4096);
        Assert.Equal(20, log.ReadAll(7).Count);

        log.Write(LogTools.Batch(batch => batch.CutPrefix(7, 19, 1)));
        while (log.Purge(0))
        {
        }

        Assert.True(log.SizeBytes < pinned);
        Assert.Single(log.ReadAll(7));
    }

    [Fact]
    public void Purge_PurgedSegments_AreRecycledAndTheirOldFramesNeverReturn()
    {
        string before = "";
        for (int restart = 0; restart < 10; restart++)
        {
            using SharedLog log = LogTools.Open(_files);
            Assert.Equal(before, LogTools.Describe(log));
            log.Append(2, LogTools.Entry((log.Find(2)?.LastIndex ?? 0) + 1, 1));
            WriteAndCut(log, group: 1, entries: 60);
            before = LogTools.Describe(log);
            _files.CrashToDurable();
        }

        IReadOnlyDictionary<string, long> crossings = _files.Faults.Crossings();
        Assert.True(crossings[SyncSites.FileRename] > 20, "segments were not recycled");
        Assert.InRange(_files.ListFiles(LogTools.Folder).Count, 1, 10);
    }

    [Fact]
    public void Purge_PowerCutAtEveryStep_LosesNothing()
    {
        int steps = 0;
        for (int step = 1; ; step++)
        {
            MemoryFileSystem files = new();
            LogModel model = new();
            DeterministicRandom random = new(77);
            bool wasCut = false;
            using (SharedLog log = LogTools.Open(files))
            {
                for (int i = 0; i < 120; i++)
                {
                    LogBatch batch = model.RandomBatch(random, groupCount: 5, payloadMax: 100);
                    log.Write(batch);
                    model.Apply(batch);
                }

                files.PowerCutAtMutation = files.MutationCount + step;
                try
                {
                    while (log.Purge(2 * 4096))
                    {
                    }
                }
                catch (PowerCutException)
                {
                    wasCut = true;
                }
            }

            for (ulong seed = 0; seed < 4; seed++)
            {
                files.Crash(new DeterministicRandom(seed + ((ulong)step * 100)));
                using SharedLog again = LogTools.Open(files);
                Assert.True(model.Describe() == LogTools.Describe(again), $"step {step} seed {seed}");
                Assert.Empty(again.DamagedGroups);
            }

            if (!wasCut)
            {
                break;
            }

            steps++;
        }

        Assert.True(steps > 10, $"only {steps} steps");
    }

    [Fact]
    public void Purge_NothingToDo_WritesNothing()
    {
        using SharedLog log = LogTools.Open(_files);
        log.Append(1, LogTools.Entries(1, 5, 1));
        long mutations = _files.MutationCount;

        Assert.False(log.Purge(0));
        Assert.False(log.Purge(long.MaxValue));

        Assert.Equal(mutations, _files.MutationCount);
    }

    [Fact]
    public void Read_WhileSegmentsArePurgedAndReused_NeverGivesWrongBytes()
    {
        using SharedLog log = LogTools.Open(_files, LogTools.Small with { CacheBytesMax = 0 });
        using ManualResetEventSlim done = new();
        long reads = 0;
        List<Exception> failures = [];
        Thread[] readers = new Thread[3];
        for (int i = 0; i < readers.Length; i++)
        {
            readers[i] = new Thread(() => ReadUntil(log, done, ref reads, failures));
            readers[i].Start();
        }

        ulong last = 0;
        for (int round = 0; round < 1500; round++)
        {
            log.Append(1, LogTools.Entries(last + 1, last + 3, 1, length: 64));
            last += 3;
            if (last > 12)
            {
                log.Write(LogTools.Batch(batch => batch.CutPrefix(1, last - 9, 1)));
            }

            log.Purge(2 * 4096);
        }

        done.Set();
        foreach (Thread reader in readers)
        {
            reader.Join();
        }

        Assert.Empty(failures);
        Assert.True(reads > 0);
    }

    private static void ReadUntil(SharedLog log, ManualResetEventSlim done, ref long reads, List<Exception> failures)
    {
        List<LogEntry> entries = [];
        try
        {
            while (!done.IsSet)
            {
                entries.Clear();
                if (log.Find(1) is not { } state
                    || !log.Read(1, state.TruncatedIndex + 1, ulong.MaxValue, 1000, entries))
                {
                    continue;
                }

                foreach (LogEntry entry in entries)
                {
                    Assert.Equal(LogTools.Entry(entry.Index, 1, length: 64).Data.ToArray(), entry.Data.ToArray());
                    Interlocked.Increment(ref reads);
                }
            }
        }
        catch (Exception exception)
        {
            lock (failures)
            {
                failures.Add(exception);
            }
        }
    }

    /// <summary>
    /// Steady writing to one group that is always cut, with purges: what fills segments and leaves them.
    /// </summary>
    private static void WriteAndCut(SharedLog log, ulong group, int entries)
    {
        ulong last = log.Find(group)?.LastIndex ?? 0;
        for (int i = 0; i < entries; i++)
        {
            last++;
            log.Append(group, LogTools.Entry(last, 1, length: 60));
            log.Write(LogTools.Batch(batch => batch.CutPrefix(group, last, 1)));
            while (log.Purge(2 * 4096))
            {
            }
        }
    }
}
