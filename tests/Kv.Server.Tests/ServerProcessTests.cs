using System.Net.Sockets;
using System.Text.Json;
using Kv.Protocol.V1;
using Kv.Rpc;

namespace Kv.Server.Tests;

public class ServerProcessTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OneStore_FoundsItself_Serves_AndIsTheSameAfterARestart()
    {
        RunningServer.SkipWithoutRocksDb();
        using var folder = new TestFolder();
        string[] addresses = TestPorts.Addresses(3);
        JsonElement first;
        await using (var server = new RunningServer(folder["data"], addresses))
        {
            await server.PutAsync("a", "1");
            Assert.Equal("1", await server.GetAsync("a"));
            Assert.Null(await server.GetAsync("b"));
            Assert.Equal((200, "ok\n"), await server.HttpAsync("/healthz"));
            Assert.Equal((200, "ready\n"), await server.HttpAsync("/readyz"));
            Assert.Equal(404, (await server.HttpAsync("/nonsense")).Code);
            first = JsonDocument.Parse((await server.HttpAsync("/status")).Body).RootElement;
            string metrics = (await server.HttpAsync("/metrics")).Body;
            Assert.Contains("\nkv_ready 1\n", metrics, StringComparison.Ordinal);
            Assert.Contains("\nkv_regions 2\n", metrics, StringComparison.Ordinal);
            Assert.Equal(2u, (await server.StatusAsync()).RegionCount);
            Assert.Equal(ExitCode.Stopped, await server.StopAsync());
        }

        await using (var server = new RunningServer(folder["data"], addresses))
        {
            Assert.Equal("1", await server.GetAsync("a"));
            JsonElement second = JsonDocument.Parse((await server.HttpAsync("/status")).Body).RootElement;
            Assert.Equal(first.GetProperty("clusterId").GetString(), second.GetProperty("clusterId").GetString());
            Assert.Equal(1, second.GetProperty("storeId").GetInt32());
            Assert.Equal(2, second.GetProperty("incarnation").GetInt32());
        }
    }

    [Fact]
    public async Task MemoryEngine_Serves_AndForgets()
    {
        using var folder = new TestFolder();
        string[] addresses = TestPorts.Addresses(3);
        string? cluster;
        await using (var server = new RunningServer(folder["data"], addresses, "--engine", "memory"))
        {
            await server.PutAsync("a", "1");
            cluster = ClusterOf((await server.HttpAsync("/status")).Body);
            await server.StopAsync();
        }

        Assert.False(Directory.Exists(folder["data"]));
        await using (var server = new RunningServer(folder["data"], addresses, "--engine", "memory"))
        {
            Assert.Null(await server.GetAsync("a"));
            Assert.NotEqual(cluster, ClusterOf((await server.HttpAsync("/status")).Body));
        }
    }

    [Fact]
    public async Task ThreeStores_AreFoundedByOneInit_Serve_AndTakeInAFourth()
    {
        RunningServer.SkipWithoutRocksDb();
        using var folder = new TestFolder();
        string[] addresses = TestPorts.Addresses(12);
        RunningServer[] stores = [.. Enumerable.Range(0, 3).Select(i => Start(folder, addresses, i, "--wait-init"))];
        try
        {
            await stores[0].UntilAsync(async () => (await stores[0].HttpAsync("/readyz")).Code == 503 ? null
                : "not 503");
            var init = new InitRequest();
            init.Founders.AddRange([addresses[7], addresses[1], addresses[4]]);
            init.InitialSplitKeys.Add(Google.Protobuf.ByteString.CopyFromUtf8("m"));
            InitResponse founded = await InitAsync(stores[1], init);
            Assert.Equal((3u, 3), (founded.RegionCount, founded.Stores.Count));
            InitResponse again = await InitAsync(stores[2], init);
            Assert.Equal((founded.ClusterId, true), (again.ClusterId, again.Already));
            ClusterStatusResponse status = await StatusOfAsync(stores);
            Assert.All(status.Stores, static s => Assert.Equal((3u, StoreState.Up), (s.PeerCount, s.State)));
            await using RunningServer fourth = Start(folder, addresses, 3, "--join", $"{addresses[1]},{addresses[4]}");
            await fourth.UntilAsync(async () => (await fourth.HttpAsync("/readyz")).Code == 200 ? null : "not ready");
            JsonElement joined = JsonDocument.Parse((await fourth.HttpAsync("/status")).Body).RootElement;
            Assert.True(joined.GetProperty("storeId").GetUInt64() > 3);
            await fourth.StopAsync();
            await using RunningServer impostor =
                Start(folder, addresses, 3, "--data", folder["other"], "--join", addresses[1]);
            Assert.Equal(ExitCode.Refused, await impostor.Running.WaitAsync(TimeSpan.FromSeconds(60), Token));
        }
        finally
        {
            await Task.WhenAll(stores.Select(static store => store.DisposeAsync().AsTask()));
        }
    }

    [Fact]
    public async Task FounderThatLostItsFolder_IsRefusedByName()
    {
        RunningServer.SkipWithoutRocksDb();
        using var folder = new TestFolder();
        string[] addresses = TestPorts.Addresses(9);
        RunningServer[] stores = [.. Enumerable.Range(0, 3).Select(i => Start(folder, addresses, i, "--wait-init"))];
        try
        {
            var init = new InitRequest();
            init.Founders.AddRange([addresses[1], addresses[4], addresses[7]]);
            await InitAsync(stores[0], init);
            await StatusOfAsync(stores);
            Assert.Equal(ExitCode.Stopped, await stores[2].StopAsync());
            Directory.Delete(folder["store2"], recursive: true);
            await using RunningServer wiped = Start(folder, addresses, 2, "--wait-init");
            Assert.Equal(ExitCode.Refused, await wiped.Running.WaitAsync(TimeSpan.FromSeconds(60), Token));
        }
        finally
        {
            await Task.WhenAll(stores.Select(static store => store.DisposeAsync().AsTask()));
        }
    }

    [Fact]
    public async Task PortInUse_IsRefusedByKeyAndAddress()
    {
        string[] addresses = TestPorts.Addresses(3);
        string[] parts = addresses[0].Split(':');
        using var holder = new TcpListener(System.Net.IPAddress.Loopback, int.Parse(parts[1]));
        holder.Start();
        StartException refusal = await RefusalAsync("nowhere", addresses, "--engine", "memory");
        Assert.Equal(ExitCode.Environment, refusal.ExitCode);
        Assert.Equal(
            $"listen.client {addresses[0]} is in use by another process: stop it or choose another port",
                refusal.Message);
    }

    [Theory]
    [InlineData("foreign", "holds notes.txt but no FORMAT: it is not a KvStore data folder")]
    [InlineData("newer", "has format 99, this program knows up to 1: use a newer program")]
    [InlineData("damaged", "FORMAT is damaged")]
    [InlineData("lost-engine", "cannot be used")]
    [InlineData("lost-log", "cannot be used")]
    [InlineData("file", "cannot be used")]
    public async Task FolderThatIsNotThisStores_IsRefusedByName_AndLeftAsItIs(string kind, string expected)
    {
        RunningServer.SkipWithoutRocksDb();
        using var folder = new TestFolder();
        string data = folder["data"];
        if (kind != "file")
        {
            Directory.CreateDirectory(data);
        }

        string[] addresses = TestPorts.Addresses(3);
        if (kind.StartsWith("lost", StringComparison.Ordinal))
        {
            await using var server = new RunningServer(data, addresses);
            await server.PutAsync("a", "1");
            await server.StopAsync();
        }

        switch (kind)
        {
            case "foreign":
                File.WriteAllText(Path.Combine(data, "notes.txt"), "mine");
                break;
            case "newer":
                File.WriteAllText(Path.Combine(data, "FORMAT"), "KvStore data folder, format 99\n");
                break;
            case "damaged":
                File.WriteAllText(Path.Combine(data, "FORMAT"), "KvStore data f");
                break;
            case "lost-engine":
                Directory.Delete(Path.Combine(data, "engine"), recursive: true);
                break;
            case "lost-log":
                Directory.Delete(Path.Combine(data, "log"), recursive: true);
                break;
            case "file":
                File.WriteAllText(data, "not a folder");
                break;
        }

        StartException refusal = await RefusalAsync(data, addresses);
        Assert.Equal(ExitCode.DataFolder, refusal.ExitCode);
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(data, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.True(kind != "foreign" || File.ReadAllText(Path.Combine(data, "notes.txt")) == "mine");
    }

    [Fact]
    public async Task FolderInUse_IsRefusedByName()
    {
        RunningServer.SkipWithoutRocksDb();
        using var folder = new TestFolder();
        await using var server = new RunningServer(folder["data"], TestPorts.Addresses(3));
        await server.PutAsync("a", "1");
        StartException refusal = await RefusalAsync(folder["data"], TestPorts.Addresses(3));
        Assert.Equal(ExitCode.DataFolder, refusal.ExitCode);
        Assert.Contains("the folder is in use by process", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HttpPort_RefusesForeignHostNames()
    {
        using var folder = new TestFolder();
        await using var server = new RunningServer(folder["data"], TestPorts.Addresses(3), "--engine", "memory");
        await server.PutAsync("a", "1");
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{server.Options.HttpAddress}/status");
        request.Headers.Host = "rebound.example";
        using HttpResponseMessage response = await http.SendAsync(request, Token);
        Assert.Equal(421, (int)response.StatusCode);
    }

    private static string? ClusterOf(string status) =>
        JsonDocument.Parse(status).RootElement.GetProperty("clusterId").GetString();

    private static RunningServer Start(TestFolder folder, string[] addresses, int i, params string[] more) =>
        new(folder[$"store{i}"], addresses[(3 * i)..((3 * i) + 3)], more);

    private static async Task<InitResponse> InitAsync(RunningServer store, InitRequest request)
    {
        InitResponse? response = null;
        await store.UntilAsync(async () =>
        {
            response = await store.Channel.CallUnaryAsync(RunningServer.Init, request, cancellationToken: Token);
            return null;
        });
        return response!;
    }

    /// <summary>Asks every store until the one that runs placement has heard of all.</summary>
    private static async Task<ClusterStatusResponse> StatusOfAsync(RunningServer[] stores)
    {
        ClusterStatusResponse? status = null;
        await stores[0].UntilAsync(async () =>
        {
            string last = "";
            foreach (RunningServer store in stores)
            {
                try
                {
                    status = await store.Channel.CallUnaryAsync(
                        RunningServer.ClusterStatus, new ClusterStatusRequest(), cancellationToken: Token);
                    return status.Complete && status.RegionsWithoutLeader == 0 && status.RegionCount > 1
                        ? null : status.ToString();
                }
                catch (RpcException e)
                {
                    last = e.Message;
                }
            }

            return last;
        });
        return status!;
    }

    private static async Task<StartException> RefusalAsync(string data, string[] addresses, params string[] more)
    {
        await using var server = new RunningServer(data, addresses, more);
        return await Assert.ThrowsAsync<StartException>(
            async () => await server.Running.WaitAsync(TimeSpan.FromSeconds(60), Token));
    }
}
