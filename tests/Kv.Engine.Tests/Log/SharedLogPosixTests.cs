using System.Diagnostics;
using Kv.Engine.Files;
using Kv.Engine.Log;

namespace Kv.Engine.Tests.Log;

/// <summary>The basics on the real file system; everything finer is tested on the simulated one.</summary>
public sealed class SharedLogPosixTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kv-log-").FullName;
    private readonly PosixFileSystem _files = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void WriteCutPurgeReopen_OnARealDisk_KeepsEverything()
    {
        SharedLogOptions options = LogTools.Small with { SegmentBytes = 64 * 1024, LogId = 0 };
        string folder = Path.Combine(_folder, "a", "log");
        string before = "";
        for (int restart = 0; restart < 3; restart++)
        {
            using SharedLog log = SharedLog.Open(_files, folder, options with { ExpectExisting = restart > 0 });
            Assert.Equal(before, LogTools.Describe(log));
            ulong last = log.Find(1)?.LastIndex ?? 0;
            for (int i = 0; i < 100; i++)
            {
                log.Write(LogTools.Batch(batch =>
                {
                    batch.Append(1, LogTools.Entries(last + 1, last + 8, 3, length: 250));
                    batch.SetHardState(2, new LogHardState((ulong)((restart * 100) + i), 1, 0));
                }));
                last += 8;
                log.Write(LogTools.Batch(batch => batch.CutPrefix(1, last - 4, 3)));
                log.Purge(2 * 64 * 1024);
            }

            log.KeepAlive();
            Assert.InRange(log.SizeBytes, 64 * 1024, 4 * 64 * 1024);
            before = LogTools.Describe(log);
        }
    }

    [Fact]
    public void Write_InjectedSyncFailure_KillsTheLogAndRestartIsConsistent()
    {
        FaultPlan plan = FaultPlan.Parse("site=log.segment.sync,error=EIO,after=2,times=1");
        FaultInjectingFileSystem faulty = new(_files, plan);
        using (SharedLog log = SharedLog.Open(faulty, _folder, LogTools.Small))
        {
            log.Append(1, LogTools.Entry(1, 1));
            log.Append(1, LogTools.Entry(2, 1));
            StorageException failed = Assert.Throws<StorageException>(() => log.Append(1, LogTools.Entry(3, 1)));
            Assert.Equal("log.segment.sync", failed.Site);
            Assert.Contains("EIO", failed.Error, StringComparison.Ordinal);
            Assert.Contains(".log", failed.Path, StringComparison.Ordinal);
            Assert.Equal(2UL, log.Find(1)!.Value.LastIndex);
            Assert.Throws<StorageException>(log.KeepAlive);
        }

        using SharedLog again = SharedLog.Open(_files, _folder, LogTools.Small);
        Assert.InRange(again.Find(1)!.Value.LastIndex, 2UL, 3UL);
        Assert.Equal(3, faulty.Plan.Crossings()["log.segment.sync"]);
    }

    [Fact]
    public void Write_ManyEntriesInBatches_CostsLittleBesideTheSync()
    {
        SharedLogOptions options = SharedLogOptions.Default with { SegmentBytes = 16 * 1024 * 1024 };
        using SharedLog log = SharedLog.Open(_files, _folder, options);
        ulong[] last = new ulong[65];
        List<LogEntry> one = LogTools.Entries(1, 1, 1, length: 256);
        Stopwatch clock = Stopwatch.StartNew();
        long cpu = Environment.CpuUsage.TotalTime.Ticks;
        int entries = 0;
        while (clock.ElapsedMilliseconds < 500)
        {
            LogBatch batch = new();
            for (ulong group = 1; group <= 64; group++)
            {
                batch.Append(group, [one[0] with { Index = ++last[group] }]);
                entries++;
            }

            log.Write(batch);
        }

        double seconds = clock.Elapsed.TotalSeconds;
        double cpuMicros = (Environment.CpuUsage.TotalTime.Ticks - cpu) / 10.0;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{entries / seconds:n0} entries/s, {log.SyncCount / seconds:n0} syncs/s, "
            + $"{cpuMicros / entries:n2} CPU-us per entry");
        Assert.Equal(64, log.Groups().Count);
        Assert.True(entries > 64);
    }
}
