using Kv.Base;
using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Log;

public class SharedLogTests
{
    private readonly MemoryFileSystem _files = new();

    [Fact]
    public void Open_EmptyFolder_FoundsAnEmptyLog()
    {
        using SharedLog log = LogTools.Open(_files);

        Assert.Empty(log.Groups());
        Assert.Null(log.Find(1));
        Assert.False(log.TryGetTerm(1, 0, out _));
        Assert.False(log.Read(1, 1, 2, 100, []));
    }

    [Fact]
    public void Open_EmptyFolderWhereALogIsExpected_IsRefused()
    {
        LogDamagedException refused = Assert.Throws<LogDamagedException>(
            () => LogTools.Open(_files, LogTools.Small with { ExpectExisting = true }));

        Assert.Contains("there is none", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_AllKinds_AreSeenAndSurviveReopen()
    {
        string before;
        using (SharedLog log = LogTools.Open(_files))
        {
            log.Write(LogTools.Batch(batch =>
            {
                batch.SetHardState(7, new LogHardState(3, 2, 0));
                batch.Append(7, LogTools.Entries(1, 9, 3));
                batch.Reset(8, 100, 5);
                batch.Append(8, LogTools.Entries(101, 103, 6));
            }));
            log.Append(7, LogTools.Entry(6, 4));
            log.Write(LogTools.Batch(batch => batch.CutPrefix(7, 2, 3)));
            log.Write(LogTools.Batch(batch => batch.SetHardState(9, new LogHardState(1, 1, 0))));
            log.Write(LogTools.Batch(batch => batch.Destroy(9)));

            Assert.Equal(new LogGroupState(7, new LogHardState(3, 2, 0), 2, 3, 6, 4, 64), log.Find(7));
            Assert.Equal(new LogGroupState(8, default, 100, 5, 103, 6, 48), log.Find(8));
            Assert.Null(log.Find(9));
            Assert.True(log.TryGetTerm(7, 2, out ulong truncatedTerm));
            Assert.Equal(3UL, truncatedTerm);
            Assert.False(log.TryGetTerm(7, 1, out _));
            Assert.True(log.TryGetTerm(7, 6, out ulong lastTerm));
            Assert.Equal(4UL, lastTerm);
            before = LogTools.Describe(log);
        }

        _files.CrashToDurable();
        using SharedLog again = LogTools.Open(_files);
        Assert.Equal(before, LogTools.Describe(again));
        Assert.Empty(again.DamagedGroups);
    }

    [Fact]
    public void Write_EmptyBatch_WritesNothing()
    {
        using SharedLog log = LogTools.Open(_files);
        long mutations = _files.MutationCount;

        log.Write(new LogBatch());
        log.Write(LogTools.Batch(batch => batch.Destroy(5)));

        Assert.Equal(mutations, _files.MutationCount);
        Assert.Equal(0, log.SyncCount);
    }

    [Fact]
    public void Write_OneBatchOfManyGroups_IsOneWriteAndOneSync()
    {
        using SharedLog log = LogTools.Open(_files, LogTools.Small with { SegmentBytes = 64 * 1024 });
        log.KeepAlive();
        long mutations = _files.MutationCount;
        long syncs = log.SyncCount;

        log.Write(LogTools.Batch(batch =>
        {
            for (ulong group = 1; group <= 100; group++)
            {
                batch.Append(group, LogTools.Entries(1, 2, 1));
            }
        }));

        Assert.Equal(mutations + 2, _files.MutationCount);
        Assert.Equal(syncs + 1, log.SyncCount);
        Assert.Equal(100, log.Groups().Count);
    }

    [Fact]
    public void Read_BytesMax_EndsEarlyAndGivesAtLeastOne()
    {
        using SharedLog log = LogTools.Open(_files);
        log.Append(1, LogTools.Entries(1, 10, 1, length: 100));

        List<LogEntry> entries = [];
        Assert.True(log.Read(1, 3, 11, 250, entries));
        Assert.Equal([3UL, 4UL], entries.Select(entry => entry.Index));
        entries.Clear();
        Assert.True(log.Read(1, 10, 20, 1, entries));
        Assert.Equal([10UL], entries.Select(entry => entry.Index));
        entries.Clear();
        Assert.False(log.Read(1, 11, 12, 100, entries));
        Assert.False(log.Read(1, 0, 12, 100, entries));
        Assert.Empty(entries);
    }

    [Fact]
    public void Read_EvictedPayloads_ComeFromTheFile()
    {
        using SharedLog log = LogTools.Open(_files);
        for (ulong index = 1; index <= 200; index++)
        {
            log.Append(1, LogTools.Entry(index, 1, length: 50));
        }

        Assert.True(log.SegmentCount > 3);
        List<LogEntry> entries = log.ReadAll(1);
        Assert.Equal(200, entries.Count);
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal(LogTools.Entry((ulong)i + 1, 1, length: 50).Data.ToArray(), entries[i].Data.ToArray());
        }
    }

    [Fact]
    public void Read_EmptyPayload_IsHeldAndRead()
    {
        using (SharedLog log = LogTools.Open(_files))
        {
            log.Append(1, LogTools.Entries(1, 3, 1, length: 0));
            Assert.Equal(3, log.ReadAll(1).Count);
        }

        using SharedLog again = LogTools.Open(_files);
        Assert.Equal(3, again.ReadAll(1).Count);
    }

    [Fact]
    public void Read_PayloadDamagedAfterOpen_IsRefusedByName()
    {
        using SharedLog log = LogTools.Open(_files, LogTools.Small with { CacheBytesMax = 0 });
        byte[] marker = [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9];
        log.Append(1, LogTools.Entry(1, 1, marker));
        string path = LogTools.SegmentPaths(_files)[^1];
        int place = _files.Peek(path).AsSpan().IndexOf(marker);
        _files.FlipBit(path, place, 0);

        List<LogEntry> output = [];
        LogDamagedException refused = Assert.Throws<LogDamagedException>(() => log.Read(1, 1, 2, 100, output));

        Assert.Contains("entry 1 of group 1", refused.Message, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(path), refused.Message, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public void Read_DiskError_ThrowsAndLeavesTheLogAlive()
    {
        using SharedLog log = LogTools.Open(_files, LogTools.Small with { CacheBytesMax = 0 });
        log.Append(1, LogTools.Entry(1, 1));
        _files.FailReads(LogTools.SegmentPaths(_files)[^1], 0, long.MaxValue / 2);

        Assert.Throws<StorageException>(() => log.ReadAll(1));

        _files.HealReads();
        Assert.Single(log.ReadAll(1));
        log.Append(1, LogTools.Entry(2, 1));
    }

    [Fact]
    public void Write_EntryLargerThanASegment_GetsASegmentThatFits()
    {
        byte[] large = new byte[50_000];
        new DeterministicRandom(1).Fill(large);
        using (SharedLog log = LogTools.Open(_files))
        {
            log.Append(1, LogTools.Entry(1, 1, large));
            log.Append(1, LogTools.Entry(2, 1));
        }

        using SharedLog again = LogTools.Open(_files);
        Assert.Equal(large, again.ReadAll(1)[0].Data.ToArray());
        Assert.Equal(2, again.ReadAll(1).Count);
    }

    [Fact]
    public void Write_EntryAboveTheLimit_IsRefusedByNameAndTheLogLivesOn()
    {
        using SharedLog log = LogTools.Open(_files);
        long mutations = _files.MutationCount;

        LogLimitException refused = Assert.Throws<LogLimitException>(
            () => log.Append(4, LogTools.Entry(1, 1, new byte[(64 * 1024) + 1])));

        Assert.Contains("entry 1 of group 4 has 65537 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Equal(mutations, _files.MutationCount);
        Assert.Null(log.Find(4));
        log.Append(4, LogTools.Entry(1, 1, new byte[64 * 1024]));
        Assert.Single(log.ReadAll(4));
    }

    [Fact]
    public void Write_BatchAboveTheLimit_IsRefusedByName()
    {
        using SharedLog log = LogTools.Open(_files);

        LogLimitException refused = Assert.Throws<LogLimitException>(
            () => log.Append(4, LogTools.Entries(1, 6, 1, length: 50_000)));

        Assert.Contains("write it in parts", refused.Message, StringComparison.Ordinal);
        Assert.Null(log.Find(4));
    }

    [Fact]
    public void Write_WhatRaftMustNeverAsk_IsRefusedBeforeAnythingIsWritten()
    {
        using SharedLog log = LogTools.Open(_files);
        log.Write(LogTools.Batch(batch =>
        {
            batch.SetHardState(1, new LogHardState(5, 2, 0));
            batch.Append(1, LogTools.Entries(1, 5, 5));
            batch.CutPrefix(1, 2, 5);
        }));
        string before = LogTools.Describe(log);
        long mutations = _files.MutationCount;
        Action<LogBatch>[] wrong =
        [
            batch => batch.SetHardState(1, new LogHardState(4, 2, 0)),
            batch => batch.SetHardState(1, new LogHardState(5, 3, 0)),
            batch => batch.Append(1, LogTools.Entries(7, 7, 5)),
            batch => batch.Append(1, LogTools.Entries(2, 2, 5)),
            batch => batch.Append(1, LogTools.Entries(6, 6, 4)),
            batch => batch.Append(1, [LogTools.Entry(6, 5), LogTools.Entry(8, 5)]),
            batch => batch.Append(1, [LogTools.Entry(6, 5) with { DataCrc = 1 }]),
            batch => batch.CutPrefix(1, 6, 5),
            batch => batch.CutPrefix(1, 4, 4),
            batch => batch.CutPrefix(2, 4, 4),
            batch => batch.SetHardState(0, new LogHardState(1, 0, 0)),
        ];

        foreach (Action<LogBatch> fill in wrong)
        {
            Assert.Throws<InvariantViolationException>(() => log.Write(LogTools.Batch(fill)));
        }

        Assert.Equal(mutations, _files.MutationCount);
        Assert.Equal(before, LogTools.Describe(log));
    }

    [Fact]
    public void Write_SeveralOperationsOfOneGroupInABatch_SeeEachOther()
    {
        using (SharedLog log = LogTools.Open(_files))
        {
            log.Append(1, LogTools.Entries(1, 5, 1));
            log.Write(LogTools.Batch(batch =>
            {
                batch.Append(1, LogTools.Entries(4, 8, 2));
                batch.CutPrefix(1, 6, 2);
                batch.Destroy(1);
                batch.Reset(1, 50, 3);
                batch.Append(1, LogTools.Entries(51, 52, 3));
                batch.CutPrefix(1, 51, 3);
            }));
            Assert.Equal(new LogGroupState(1, default, 51, 3, 52, 3, 16), log.Find(1));
        }

        using SharedLog again = LogTools.Open(_files);
        Assert.Equal(new LogGroupState(1, default, 51, 3, 52, 3, 16), again.Find(1));
    }

    [Fact]
    public void Open_ManyIdleRestarts_DoNotGrowTheFolder()
    {
        using (SharedLog log = LogTools.Open(_files))
        {
            log.Append(1, LogTools.Entries(1, 3, 1));
        }

        for (int restart = 0; restart < 20; restart++)
        {
            _files.CrashToDurable();
            using SharedLog log = LogTools.Open(_files);
            Assert.Equal(3, log.ReadAll(1).Count);
            log.KeepAlive();
        }

        Assert.InRange(_files.ListFiles(LogTools.Folder).Count, 1, 5);
    }
}
