using Kv.Client;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests.Faults;

/// <summary>
/// Failures below the programs, made by the kernel: a full file system under the engine alone, and system calls that
/// fail in a running store, for RocksDB's files and for the raft log's.
/// </summary>
public sealed class EngineFaultTests(ITestOutputHelper output)
{
    private const int ExitDataFolder = 3;
    private const int ExitDiskFailed = 5;
    private const int TmpfsMebi = 24;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Engine_ItsFileSystemIsFull_StoreStopsByNameAndComesBackWithRoom()
    {
        await using TestCluster cluster = TestCluster.Prepare(3);
        LocalStoreProcess victim = cluster.Stores[1];
        string engine = Path.Combine(victim.DataFolder, "engine");
        await using Tmpfs disk = await Tmpfs.MountAsync(engine, TmpfsMebi);
        await cluster.FoundAsync(regions: 4);
        await using KvClient client = await cluster.ConnectAsync();
        var load = new VersionedLoad(client, keyCount: 12);
        using var stop = new CancellationTokenSource();
        var ballast = new Ballast(client) { ValueBytes = 256 * 1024, Pause = TimeSpan.FromMilliseconds(1) };
        Task running = Task.WhenAll(load.RunAsync(stop.Token), ballast.RunAsync(stop.Token));

        StoreEnd end = await StoreEnd.WaitAsync(victim, Patience, "full engine");
        output.WriteLine(end.Stopped);
        long before = load.Acknowledged;
        await Waiting.UntilAsync(
            () => load.Acknowledged >= before + 50, Patience, "50 more writes through the other two stores");

        // A table that did not fit is deleted again, so something else takes the rest of the disk. The store then
        // refuses to start and says why.
        await using FileStream other = disk.Fill("other");
        victim.Start();
        StoreEnd again = await StoreEnd.WaitAsync(victim, Patience, "start on a full engine");
        output.WriteLine(again.Stopped);

        await stop.CancelAsync();
        await running;
        other.SetLength(0);
        await disk.ResizeAsync(16 * TmpfsMebi);
        cluster.Start(1);
        await cluster.WaitReadyAsync();
        await load.VerifyAsync();
        await cluster.KillAsync(1);

        Assert.Equal(ExitDiskFailed, end.ExitCode);
        Assert.Contains("engine", end.Stopped, StringComparison.Ordinal);
        Assert.Contains("No space left on device", end.Stopped, StringComparison.Ordinal);
        Assert.Contains(engine, end.Stopped, StringComparison.Ordinal);
        Assert.Equal(ExitDataFolder, again.ExitCode);
        Assert.Contains($"{engine} has no space left", again.Stopped, StringComparison.Ordinal);
        Assert.True(load.Problems.Count == 0, string.Join("; ", load.Problems.Take(5)));
        Assert.Equal(0, load.Failed);
    }

    [Theory]
    [InlineData("engine", "fdatasync,fsync,sync_file_range", "EIO", "WAL sync", "Input/output error")]
    [InlineData("engine", "write,pwrite64,writev", "ENOSPC", "write", "No space left on device")]
    [InlineData("log", "fdatasync", "EIO", "log.segment.sync", "EIO")]
    [InlineData("log", "pwrite64", "ENOSPC", "log.segment.write", "ENOSPC")]
    public async Task Store_SystemCallsOfOneFileFail_ItStopsByNameAndTheOthersGoOn(
        string folder, string calls, string error, string site, string words)
    {
        Assert.SkipWhen(SyscallFaults.Missing is not null, SyscallFaults.Missing ?? "");
        await using TestCluster cluster = await TestCluster.StartAsync();
        await using KvClient client = await cluster.ConnectAsync();
        var load = new VersionedLoad(client, keyCount: 12);
        using var stop = new CancellationTokenSource();
        Task running = load.RunAsync(stop.Token);
        LocalStoreProcess victim = cluster.Stores[2];
        await Waiting.UntilAsync(() => load.Acknowledged > 200, Patience, "the load runs");
        string file = Directory.GetFiles(Path.Combine(victim.DataFolder, folder), "*.log").Order(StringComparer.Ordinal)
            .Last();
        StoreEnd end;
        using (SyscallFaults.Attach(victim.ProcessId, file, calls, error))
        {
            end = await StoreEnd.WaitAsync(victim, Patience, $"{calls} {error}");
        }

        output.WriteLine(end.Stopped);
        long before = load.Acknowledged;
        await Waiting.UntilAsync(
            () => load.Acknowledged >= before + 50, Patience, "50 more writes through the other two stores");
        cluster.Start(2);
        await cluster.WaitReadyAsync();
        await stop.CancelAsync();
        await running;
        await load.VerifyAsync();

        Assert.Equal(ExitDiskFailed, end.ExitCode);
        Assert.Contains(site, end.Stopped, StringComparison.Ordinal);
        Assert.Contains(words, end.Stopped, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(victim.DataFolder, folder), end.Stopped, StringComparison.Ordinal);
        Assert.True(load.Problems.Count == 0, string.Join("; ", load.Problems.Take(5)));
        Assert.Equal(0, load.Failed);
    }
}
