// Owns a cluster of real processes for one test: its folder, its stores, and their end. Whatever happens in the test,
// no process and no folder stays behind; a failed test shows the end of every store's log.
using Kv.Client;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests;

internal sealed class TestCluster : IAsyncDisposable
{
    private const int SignalStop = 19;
    private const int SignalContinue = 18;

    private readonly LocalCluster _cluster;
    private readonly HashSet<int> _paused = [];

    private TestCluster(LocalCluster cluster) => _cluster = cluster;

    public IReadOnlyList<LocalStoreProcess> Stores => _cluster.Stores;

    public IReadOnlyList<string> Seeds => _cluster.Seeds;

    public LocalCluster Cluster => _cluster;

    /// <summary>Starts and founds a cluster whose user regions are cut evenly by the first byte of keys.</summary>
    public static async Task<TestCluster> StartAsync(int stores = 3, int regions = 4, params string[] arguments)
    {
        TestCluster cluster = Prepare(stores, arguments);
        await cluster.FoundAsync(regions);
        return cluster;
    }

    /// <summary>Lays out a cluster and starts nothing.</summary>
    public static TestCluster Prepare(int stores, params string[] arguments)
    {
        string folder = Directory.CreateTempSubdirectory("kvcluster-").FullName;
        return new TestCluster(
            LocalCluster.Open(folder, stores, Programs.KvServer, ["--log-level", "info", .. arguments]));
    }

    /// <summary>Starts what does not run, and founds the cluster.</summary>
    public async Task FoundAsync(int regions)
    {
        _cluster.Start();
        IEnumerable<ReadOnlyMemory<byte>> splits = Enumerable.Range(1, regions - 1)
            .Select(i => (ReadOnlyMemory<byte>)new[] { (byte)(i * 256 / regions) });
        await _cluster.FoundAsync(splits, TimeSpan.FromSeconds(30), CancellationToken.None);
        await WaitReadyAsync();
    }

    public Task<KvClient> ConnectAsync(TimeSpan? timeout = null) => KvClient.ConnectAsync(
        new KvClientOptions { Seeds = Seeds, OperationTimeout = timeout ?? TimeSpan.FromSeconds(15) },
        CancellationToken.None);

    public Task KillAsync(int store) => Stores[store].KillAsync(CancellationToken.None);

    public void Start(int store) => Stores[store].Start();

    public void Pause(int store)
    {
        _paused.Add(store);
        Assert.True(UnixSignal.Send(Stores[store].ProcessId, SignalStop));
    }

    public void Resume(int store)
    {
        _paused.Remove(store);
        Assert.True(UnixSignal.Send(Stores[store].ProcessId, SignalContinue));
    }

    public Task WaitReadyAsync() => _cluster.WaitReadyAsync(TimeSpan.FromSeconds(60), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        bool failed = TestContext.Current.TestState?.Result == TestResult.Failed;
        foreach (int store in _paused.ToArray())
        {
            Resume(store);
        }

        foreach (LocalStoreProcess store in Stores)
        {
            if (store.IsRunning)
            {
                await store.KillAsync(CancellationToken.None);
            }

            if (failed && File.Exists(store.LogPath))
            {
                string[] lines = await File.ReadAllLinesAsync(store.LogPath);
                TestContext.Current.TestOutputHelper?.WriteLine(
                    $"--- {store.Name}\n{string.Join('\n', lines[Math.Max(0, lines.Length - 30)..])}");
            }
        }

        _cluster.Dispose();
        Directory.Delete(_cluster.Folder, recursive: true);
    }
}
