using Kv.Base;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Log;

/// <summary>
/// F1, F2, F7, R4: a failed write, sync or allocation at any site ends the log, and nothing unproved is ever shown as
/// durable.
/// </summary>
public class SharedLogFailureTests
{
    private const int Crossings = 6;

    private static readonly string[] Errors = ["EIO", "ENOSPC"];

    public static TheoryData<string, string> SitesAndErrors()
    {
        TheoryData<string, string> rows = [];
        foreach (string site in SyncSites.Log)
        {
            foreach (string error in Errors)
            {
                rows.Add(site, error);
            }
        }

        rows.Add(SyncSites.LogSegmentWrite, FaultInjectingFileSystem.ShortWrite);
        rows.Add(SyncSites.LogHeaderWrite, FaultInjectingFileSystem.ShortWrite);
        rows.Add(SyncSites.FileCreate, "EIO");
        rows.Add(SyncSites.FileRename, "EIO");
        rows.Add(SyncSites.FileDelete, "EIO");
        return rows;
    }

    [Theory]
    [MemberData(nameof(SitesAndErrors))]
    public void AnySiteFails_LogIsDeadNothingIsAcknowledgedAndRestartIsConsistent(string site, string error)
    {
        int failures = 0;
        for (int after = 0; after < Crossings; after++)
        {
            foreach (bool powerIsLost in (bool[])[false, true])
            {
                MemoryFileSystem files = new();
                files.Faults.Arm(new SiteFault(site, error, after, Times: 1));
                LogModel acknowledged = new();
                LogModel attempted = new();
                failures += RunUntilFailure(files, site, acknowledged, attempted) ? 1 : 0;

                files.Faults.Disarm();
                RestartAndCheck(files, powerIsLost, acknowledged, attempted);
            }
        }

        Assert.True(failures >= 2, $"{site} failed {failures} times only");
    }

    [Fact]
    public void EverySite_IsCrossedByTheLog()
    {
        MemoryFileSystem files = new();
        LogModel model = new();
        files.CreateDirectory(LogTools.Folder);
        using (files.LockDirectory(LogTools.Folder))
        {
            for (int restart = 0; restart < 4; restart++)
            {
                Workload(files, model, new LogModel());
                files.KillProcess();
            }
        }

        IReadOnlyDictionary<string, long> crossings = files.Faults.Crossings();
        foreach (string site in SyncSites.Log.Concat(SyncSites.Files))
        {
            long count = crossings.GetValueOrDefault(site);
            TestContext.Current.TestOutputHelper?.WriteLine($"{site}: crossed {count} times");
            Assert.True(count > 0, $"{site} was never crossed");
        }
    }

    [Fact]
    public void SyncFailsOnce_WhatTheNextOpenShowsIsDurable()
    {
        // The trap of fsync on Linux: after the failure the page cache shows the frame, a second sync says yes, and the
        // disk does not have it.
        MemoryFileSystem files = new();
        using (SharedLog log = LogTools.Open(files))
        {
            log.Append(1, LogTools.Entries(1, 3, 1));
            files.Faults.Arm(new SiteFault(SyncSites.LogSegmentSync, "EIO", 0, Times: 1));
            Assert.Throws<StorageException>(() => log.Append(1, LogTools.Entries(4, 5, 1)));
            Assert.Equal(3UL, log.Find(1)!.Value.LastIndex);
        }

        files.KillProcess();
        string shown;
        using (SharedLog log = LogTools.Open(files))
        {
            Assert.Equal(5UL, log.Find(1)!.Value.LastIndex);
            shown = LogTools.Describe(log);
        }

        files.CrashToDurable();
        using SharedLog again = LogTools.Open(files);
        Assert.Equal(shown, LogTools.Describe(again));
    }

    [Fact]
    public void DiskFull_ErrorNamesFileSiteAndErrorAndReadsGoOn()
    {
        MemoryFileSystem files = new() { CapacityBytes = 9000 };
        using SharedLog log = LogTools.Open(files);
        StorageException? full = null;
        for (ulong index = 1; full is null; index++)
        {
            try
            {
                log.Append(1, LogTools.Entry(index, 1, length: 200));
            }
            catch (StorageException exception)
            {
                full = exception;
            }
        }

        Assert.Equal(SyncSites.LogSegmentAllocate, full.Site);
        Assert.Contains("ENOSPC", full.Error, StringComparison.Ordinal);
        Assert.StartsWith(LogTools.Folder, full.Path, StringComparison.Ordinal);
        Assert.NotEmpty(log.ReadAll(1));
        StorageException dead = Assert.Throws<StorageException>(log.KeepAlive);
        Assert.Contains("stopped after ENOSPC", dead.Message, StringComparison.Ordinal);
    }

    private static bool RunUntilFailure(MemoryFileSystem files, string site, LogModel acknowledged, LogModel attempted)
    {
        for (int restart = 0; restart < 3; restart++)
        {
            try
            {
                Workload(files, acknowledged, attempted);
            }
            catch (StorageException exception)
            {
                Assert.Equal(site, exception.Site);
                return true;
            }

            files.KillProcess();
        }

        return false;
    }

    /// <summary>
    /// Writes, rotations, purges and keep-alives; on a failure the log must be dead and must have shown nothing new.
    /// </summary>
    private static void Workload(MemoryFileSystem files, LogModel acknowledged, LogModel attempted)
    {
        using SharedLog log = LogTools.Open(files, LogTools.Small with { SparesMax = 1 });
        DeterministicRandom random = new(31);
        try
        {
            for (int i = 0; i < 80; i++)
            {
                LogBatch batch = acknowledged.RandomBatch(random, groupCount: 4, payloadMax: 200);
                attempted.ReplaceWith(acknowledged);
                attempted.Apply(batch);
                log.Write(batch);
                acknowledged.ReplaceWith(attempted);
                if (i % 8 == 0)
                {
                    log.KeepAlive();
                    while (log.Purge(3 * 4096))
                    {
                    }
                }
            }
        }
        catch (StorageException)
        {
            long mutations = files.MutationCount;
            string shown = LogTools.Describe(log);
            Assert.True(shown == acknowledged.Describe() || shown == attempted.Describe());
            Assert.Throws<StorageException>(log.KeepAlive);
            Assert.Throws<StorageException>(() => log.Purge(0));
            Assert.Throws<StorageException>(() => log.Write(LogTools.Batch(batch => batch.Reset(9, 1, 1))));
            Assert.Equal(mutations, files.MutationCount);
            throw;
        }
    }

    private static void RestartAndCheck(
        MemoryFileSystem files, bool powerIsLost, LogModel acknowledged, LogModel attempted)
    {
        if (powerIsLost)
        {
            files.CrashToDurable();
        }
        else
        {
            files.KillProcess();
        }

        string shown;
        using (SharedLog log = LogTools.Open(files))
        {
            shown = LogTools.Describe(log);
            Assert.Empty(log.DamagedGroups);
            Assert.True(
                shown == acknowledged.Describe() || shown == attempted.Describe(),
                "the restart lost or invented records");
        }

        files.CrashToDurable();
        using SharedLog again = LogTools.Open(files);
        Assert.Equal(shown, LogTools.Describe(again));
    }
}
