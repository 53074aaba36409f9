using Kv.Client;
using Kv.Ctl.Playground;
using Kv.Engine.Files;

namespace Kv.Cluster.Tests.Faults;

/// <summary>
/// The disk of one real store fails at every place where the code touches it. The places are listed from the code; a
/// new one fails these tests until it has a case, and one that no case crosses fails them too.
/// </summary>
public sealed class DiskFaultTests(ITestOutputHelper output)
{
    private const string Variable = "KV_FAULTS";
    private const int ExitDataFolder = 3;
    private const int ExitDiskFailed = 5;

    /// <summary>Small enough that rotation and purge happen within seconds.</summary>
    private static readonly string[] SmallLog = ["--set", "log.segmentBytes=65536", "--set", "log.bytesTarget=1048576"];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Every site with every error; <c>eng/soak.sh faults</c> asks for it.</summary>
    private static bool Whole => Environment.GetEnvironmentVariable("KV_TEST_FAULTS") == "all";

    [Fact]
    public async Task ThreeStores_OneDiskFailsAtEverySite_ItStopsByNameAndTheOthersGoOn()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3, 4, SmallLog);
        await using KvClient client = await cluster.ConnectAsync();
        var load = new VersionedLoad(client, keyCount: 8);
        var crossed = new SortedDictionary<string, long>(StringComparer.Ordinal);
        using var stop = new CancellationTokenSource();
        Task running = Task.WhenAll(load.RunAsync(stop.Token), new Ballast(client).RunAsync(stop.Token));
        LocalStoreProcess victim = cluster.Stores[1];
        await cluster.KillAsync(1);
        foreach (FaultCase fault in FaultCase.All(Whole).Where(fault => fault.Site != FaultCase.OnlyInNewFolder))
        {
            long began = Environment.TickCount64;
            StoreEnd end = await FailAsync(victim, fault, crossed);
            long before = load.Acknowledged;
            await WaitForAsync(
                () => load.Acknowledged >= before + 50, $"{fault}: 50 more writes through the other two stores");
            output.WriteLine($"{fault}: {Environment.TickCount64 - began} ms, {end.Stopped}");
            Assert.True(load.Problems.Count == 0, $"{fault}: {string.Join("; ", load.Problems.Take(5))}");
        }

        await FailInNewFolderAsync(crossed);
        victim.Variables.Clear();
        cluster.Start(1);
        await cluster.WaitReadyAsync();
        await stop.CancelAsync();
        await running;
        await load.VerifyAsync();
        output.WriteLine($"crossed: {string.Join(", ", crossed.Select(site => $"{site.Key} {site.Value} times"))}");
        output.WriteLine(
            $"{load.Acknowledged} writes acknowledged, {load.Reads} reads, {load.Undetermined} undetermined");

        Assert.True(load.Problems.Count == 0, string.Join("; ", load.Problems.Take(5)));
        Assert.Equal(0, load.Failed);
        Assert.Empty(SyncSites.All.Except(crossed.Keys));
    }

    /// <summary>
    /// The store leads a share of the regions when its disk fails: they move, and what it acknowledged stays.
    /// </summary>
    [Fact]
    public async Task ThreeStores_DiskOfALeaderFails_ItsRegionsMoveAndNothingAcknowledgedIsLost()
    {
        using var stop = new CancellationTokenSource();
        await using TestCluster cluster = TestCluster.Prepare(3, SmallLog);
        LocalStoreProcess victim = cluster.Stores[0];
        victim.Variables[Variable] = "site=log.segment.sync,error=EIO,after=600";
        await cluster.FoundAsync(regions: 6);
        await using KvClient client = await cluster.ConnectAsync();
        KvStoreInfo self = (await client.StoresAsync(TestContext.Current.CancellationToken))
            .Single(store => store.ClientAddress == victim.Addresses.Client);
        await Waiting.UntilAsync(
            async () => (await client.RegionsAsync()).Any(region => region.LeaderStoreId == self.Id),
            Patience,
            $"{victim.Name} leads a region");
        var load = new VersionedLoad(client, keyCount: 8);
        Task running = load.RunAsync(stop.Token);
        StoreEnd end = await StoreEnd.WaitAsync(victim, Patience, "leader");
        long before = load.Acknowledged;
        await WaitForAsync(() => load.Acknowledged >= before + 500, "500 more writes through the other two stores");
        victim.Variables.Clear();
        victim.Start();
        await cluster.WaitReadyAsync();
        await stop.CancelAsync();
        await running;
        await load.VerifyAsync();

        Assert.Equal(ExitDiskFailed, end.ExitCode);
        Assert.Contains("log.segment.sync: EIO", end.Stopped, StringComparison.Ordinal);
        Assert.Equal(0, end.LateCallCount);
        Assert.True(load.Problems.Count == 0, string.Join("; ", load.Problems.Take(5)));
        Assert.Equal(0, load.Failed);
    }

    /// <summary>With nobody else to ask, the write that could not be made durable is an error and never Ok.</summary>
    [Fact]
    public async Task OneStore_DiskFails_TheWriteGetsAnErrorAndWhatWasAcknowledgedIsThere()
    {
        (string Site, string Error)[] cases =
        [
            (SyncSites.LogSegmentSync, "EIO"), (SyncSites.LogSegmentWrite, "ENOSPC"),
            (SyncSites.LogSegmentAllocate, "ENOSPC"), (SyncSites.LogFolderSync, "EIO"),
        ];
        byte[] key = "key"u8.ToArray();
        await using TestCluster cluster = await TestCluster.StartAsync(1, 1, SmallLog);
        LocalStoreProcess store = cluster.Stores[0];
        foreach ((string site, string error) in cases)
        {
            await cluster.KillAsync(0);
            store.Variables[Variable] = $"site={site},error={error},after=12";
            cluster.Start(0);
            await WaitForServingAsync(store);
            await using KvClient client = await cluster.ConnectAsync(TimeSpan.FromSeconds(3));
            (int acknowledged, KvException? failure) = await WriteUntilErrorAsync(client, key);
            StoreEnd end = await StoreEnd.WaitAsync(store, Patience, site);
            output.WriteLine($"{site} {error}: {acknowledged} acknowledged, then {failure?.Message}; {end.Stopped}");
            store.Variables.Clear();
            cluster.Start(0);
            await WaitForServingAsync(store);
            await using KvClient later = await cluster.ConnectAsync();
            byte[]? value = await later.GetAsync(key, null, TestContext.Current.CancellationToken);

            Assert.NotNull(failure);
            AssertNamed(new FaultCase(site, error, 0, AtStart: false), store, end);
            Assert.True(acknowledged > 0);
            Assert.InRange(BitConverter.ToInt32(value), acknowledged, acknowledged + 1);
        }
    }

    private static async Task<(int Acknowledged, KvException? Failure)> WriteUntilErrorAsync(
        KvClient client, byte[] key)
    {
        byte[] value = new byte[8 * 1024];
        for (int version = 1; version < 5_000; version++)
        {
            BitConverter.TryWriteBytes(value, version);
            try
            {
                await client.PutAsync(key, value, CancellationToken.None);
            }
            catch (KvException e)
            {
                return (version - 1, e);
            }
        }

        return (5_000, null);
    }

    /// <summary>One life of the store with one fault, until it has ended by it.</summary>
    private static async Task<StoreEnd> FailAsync(
        LocalStoreProcess store, FaultCase fault, SortedDictionary<string, long> crossed)
    {
        store.Variables[Variable] = fault.Armed;
        store.Start();
        StoreEnd end = await StoreEnd.WaitAsync(store, Patience, fault.ToString());
        foreach ((string site, long count) in end.Crossings)
        {
            crossed[site] = crossed.GetValueOrDefault(site) + count;
        }

        AssertNamed(fault, store, end);
        return end;
    }

    private static async Task FailInNewFolderAsync(SortedDictionary<string, long> crossed)
    {
        foreach (string error in FaultCase.Errors)
        {
            await using TestCluster cluster = TestCluster.Prepare(1);
            LocalStoreProcess store = cluster.Stores[0];
            await FailAsync(store, new FaultCase(FaultCase.OnlyInNewFolder, error, 0, AtStart: true), crossed);

            // Nothing was promised: the folder is as good as new.
            store.Variables.Clear();
            await cluster.FoundAsync(regions: 1);
        }
    }

    private static void AssertNamed(FaultCase fault, LocalStoreProcess store, StoreEnd end)
    {
        Assert.True(end.WarnedOfFaults, $"{fault}: no warning that faults are armed");
        Assert.True(
            end.ExitCode == (fault.AtStart ? ExitDataFolder : ExitDiskFailed),
            $"{fault}: exit code {end.ExitCode}, {end.Stopped}");
        Assert.Contains($"{fault.Site}: {fault.Error}", end.Stopped, StringComparison.Ordinal);
        Assert.Contains(store.DataFolder, end.Stopped, StringComparison.Ordinal);
        Assert.True(end.Served != fault.AtStart, $"{fault}: served {end.Served}");
        Assert.True(end.LateCallCount == 0, $"{fault}: {end.LateCallCount} calls to a file that had failed");
    }

    private static Task WaitForServingAsync(LocalStoreProcess store) => WaitForAsync(
        () => store.LogLines(64 * 1024).Any(line => line.EndsWith(": serving", StringComparison.Ordinal)),
        $"{store.Name} serves");

    private static Task WaitForAsync(Func<bool> condition, string what) =>
        Waiting.UntilAsync(condition, Patience, what);
}
