using Kv.Engine.RocksDb;

namespace Kv.Engine.Tests.Engines;

public sealed class RocksDbLibraryTests
{
    [Fact]
    public void Find_NothingLoads_SaysWhatToInstallInOneLine()
    {
        EngineException e = Assert.Throws<EngineException>(
            () => RocksDbLibrary.Find(null, ["libno-such-rocksdb.so.1", "/no/such/librocksdb.so"]));
        Assert.Contains("apt-get install librocksdb7.8", e.Message, StringComparison.Ordinal);
        Assert.Contains(RocksDbLibrary.OverrideVariable, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Find_OverrideDoesNotLoad_NamesItAndTriesNothingElse()
    {
        EngineException e = Assert.Throws<EngineException>(
            () => RocksDbLibrary.Find("/no/such/librocksdb.so", ["librocksdb.so.7.8"]));
        Assert.Contains("KV_ROCKSDB_LIBRARY=/no/such/librocksdb.so", e.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install librocksdb7.8", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_LibraryWithoutTheFunctions_IsTooOldByName()
    {
        Assert.SkipWhen(!OperatingSystem.IsLinux(), "libc.so.6 stands for a library without the functions");
        EngineException e = Assert.Throws<EngineException>(() => RocksDbLibrary.Find(null, ["libc.so.6"]));
        Assert.Contains("libc.so.6 has no rocksdb_flush_wal", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TryLoad_LibraryPresent_NamesWhatWasLoaded()
    {
        Assert.SkipWhen(!RocksDbLibrary.TryLoad(out string? reason), reason ?? "");
        Assert.Null(reason);
        Assert.Contains("rocksdb", RocksDbLibrary.LoadedName, StringComparison.Ordinal);
    }
}
