// Owns what is the memory engine's own: faults on demand, and a disk that outlives it.
using Kv.Base;
using Kv.Engine.Memory;

namespace Kv.Engine.Tests.Engines;

public sealed class MemoryEngineTests
{
    private readonly DictionaryFiles _files = new();
    private readonly MemoryEngineDisk _disk;

    public MemoryEngineTests() => _disk = new MemoryEngineDisk(_files);

    [Fact]
    public void Open_DiskAlreadyOpen_IsRefused()
    {
        using MemoryEngine engine = MemoryEngine.Open(_disk);
        Assert.Throws<EngineException>(() => MemoryEngine.Open(_disk));
        engine.Dispose();
        MemoryEngine.Open(_disk).Dispose();
    }

    [Fact]
    public void TryReadCached_UncachedEveryThird_SaysSoForOneInThree()
    {
        var disk = new MemoryEngineDisk(_files) { UncachedEvery = 3 };
        using MemoryEngine engine = MemoryEngine.Open(disk);
        CachedRead[] told = [.. Enumerable.Range(0, 6).Select(_ =>
            engine.TryReadCached(ColumnFamily.Data, "k"u8, 0, static (_, _) => { }))];
        Assert.Equal(
            [
                CachedRead.Absent, CachedRead.Absent, CachedRead.NotInMemory,
                CachedRead.Absent, CachedRead.Absent, CachedRead.NotInMemory],
            told);
    }

    [Theory]
    [InlineData(MemoryEngineSite.Write, false)]
    [InlineData(MemoryEngineSite.Write, true)]
    [InlineData(MemoryEngineSite.SyncWal, true)]
    public void Write_FaultAtItsSite_IsNotSeenAndEveryWriteAfterIsRefused(MemoryEngineSite site, bool sync)
    {
        using MemoryEngine engine = MemoryEngine.Open(_disk);
        _disk.FailNext(site, skipCount: 1);
        Put(engine, "a", sync);
        EngineException failed = Assert.Throws<EngineException>(() => Put(engine, "b", sync));
        EngineException refused = Assert.Throws<EngineException>(() => Put(engine, "c", sync));
        Assert.Throws<EngineException>(engine.SyncWal);
        Assert.Throws<EngineException>(engine.Flush);

        Assert.Contains("injected fault", failed.Message, StringComparison.Ordinal);
        Assert.Contains("refuses writes after a failure", refused.Message, StringComparison.Ordinal);
        Assert.Equal(["a=v"], engine.Walk());
    }

    [Theory]
    [InlineData(MemoryEngineSite.SyncWal)]
    [InlineData(MemoryEngineSite.Flush)]
    public void SyncOrFlush_Fault_LeavesTheBatchesUnsynced(MemoryEngineSite site)
    {
        MemoryEngine engine = MemoryEngine.Open(_disk);
        Put(engine, "a", sync: true);
        Put(engine, "b", sync: false);
        _disk.FailNext(site);
        Assert.Throws<EngineException>(site == MemoryEngineSite.Flush ? engine.Flush : engine.SyncWal);
        Assert.Equal(1, _disk.UnsyncedBatchCount);
    }

    [Fact]
    public void Write_FailedThenPowerCut_TheBatchSurvivesForSomeSeedsOnly()
    {
        var counts = new Dictionary<int, int>();
        for (ulong seed = 0; seed < 60; seed++)
        {
            var disk = new MemoryEngineDisk(_files);
            MemoryEngine engine = MemoryEngine.Open(disk);
            Put(engine, "a", sync: false);
            disk.FailNext(MemoryEngineSite.Write);
            Assert.Throws<EngineException>(() => Put(engine, "b", sync: false));
            disk.PowerCut(new DeterministicRandom(seed));
            int survived = MemoryEngine.Open(disk).Walk().Count;
            counts[survived] = counts.GetValueOrDefault(survived) + 1;
        }

        Assert.Equal([0, 1, 2], counts.Keys.Order());
    }

    [Fact]
    public void PowerCut_EngineStillHeld_EveryCallThrows()
    {
        MemoryEngine engine = MemoryEngine.Open(_disk);
        Put(engine, "a", sync: true);
        using IEngineSnapshot snapshot = engine.Snapshot();
        _disk.PowerCut(new DeterministicRandom(1));

        EngineException e = Assert.Throws<EngineException>(() => engine.Get(ColumnFamily.Data, "a"u8));
        Assert.Contains("the power was cut", e.Message, StringComparison.Ordinal);
        Assert.Throws<EngineException>(() => Put(engine, "b", sync: false));
        Assert.Throws<EngineException>(() => engine.Iterate(ColumnFamily.Data, default, null));
        using MemoryEngine next = MemoryEngine.Open(_disk);
        engine.Dispose();
        Put(next, "c", sync: false);
        Assert.Equal(["a=v", "c=v"], next.Walk());
    }

    [Fact]
    public void PowerCut_SameSeed_SameSurvivors()
    {
        Assert.Equal(Survivors(5), Survivors(5));
        Assert.True(Enumerable.Range(0, 20).Select(s => Survivors((ulong)s)).Distinct().Count() > 5);

        int Survivors(ulong seed)
        {
            var disk = new MemoryEngineDisk(_files);
            MemoryEngine engine = MemoryEngine.Open(disk);
            for (int i = 0; i < 50; i++)
            {
                Put(engine, $"k{i:D2}", sync: i == 10);
            }

            int kept = disk.PowerCut(new DeterministicRandom(seed));
            int count = MemoryEngine.Open(disk).Walk().Count;
            Assert.Equal(11 + kept, count);
            return count;
        }
    }

    [Fact]
    public void Write_NeverSynced_UnsyncedBatchesStayBounded()
    {
        using MemoryEngine engine = MemoryEngine.Open(_disk);
        using IEngineBatch batch = engine.NewBatch();
        batch.Put(ColumnFamily.Data, "k"u8, "v"u8);
        for (int i = 0; i < MemoryEngineDisk.UnsyncedBatchesMax + 10; i++)
        {
            engine.Write(batch, sync: false);
        }

        Assert.Equal(MemoryEngineDisk.UnsyncedBatchesMax, _disk.UnsyncedBatchCount);
    }

    [Fact]
    public void IngestTable_Fault_LeavesTheRangeAsItWas()
    {
        using MemoryEngine engine = MemoryEngine.Open(_disk);
        Put(engine, "a", sync: false);
        using (IEngineTableWriter table = engine.NewTableWriter("/t"))
        {
            table.DeleteRange("a"u8, "b"u8);
            table.Finish();
        }

        _disk.FailNext(MemoryEngineSite.Ingest);
        Assert.Throws<EngineException>(() => engine.IngestTable(ColumnFamily.Data, "/t"));
        Assert.Equal(["a=v"], engine.Walk());
        engine.IngestTable(ColumnFamily.Data, "/t");
        Assert.Empty(engine.Walk());
    }

    [Fact]
    public void TableWriter_FilesFail_ThrowsEngineException()
    {
        using MemoryEngine engine = MemoryEngine.Open(_disk);
        using IEngineTableWriter table = engine.NewTableWriter("/t");
        table.Put("a"u8, "v"u8);
        _files.Full = true;
        EngineException e = Assert.Throws<EngineException>(() => table.Finish());
        Assert.Contains("No space left", e.Message, StringComparison.Ordinal);
        Assert.Throws<EngineException>(() => engine.NewTableWriter("/t"));
    }

    private static void Put(MemoryEngine engine, string key, bool sync)
    {
        using IEngineBatch batch = engine.NewBatch();
        batch.Put(ColumnFamily.Data, Bytes.Of(key), "v"u8);
        engine.Write(batch, sync);
    }
}
