using System.Net;
using System.Net.Sockets;
using Kv.Ctl.Playground;

namespace Kv.Ctl.Tests.Playground;

public sealed class LocalClusterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvctl-playground-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Find_NoProgramAnywhere_SaysWhereItLooked()
    {
        string beside = Path.Combine(_folder, "kvserver");

        string unset = Assert.Throws<LocalClusterException>(() => KvServerProgram.Find(_folder, null)).Message;
        Assert.Contains(beside, unset, StringComparison.Ordinal);
        Assert.Contains("KVSERVER_PATH", unset, StringComparison.Ordinal);
        string wrong = Assert.Throws<LocalClusterException>(() =>
            KvServerProgram.Find(_folder, "/nowhere/kvserver")).Message;
        Assert.Contains(beside, wrong, StringComparison.Ordinal);
        Assert.Contains("/nowhere/kvserver", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_Program_IsTakenFromBesideThenFromTheVariable()
    {
        string other = Directory.CreateDirectory(Path.Combine(_folder, "other")).FullName;
        string elsewhere = Path.Combine(other, "kvserver");
        File.WriteAllText(elsewhere, "");
        Assert.Equal(elsewhere, KvServerProgram.Find(_folder, elsewhere));
        Assert.Equal(elsewhere, KvServerProgram.Find(_folder, other));

        string beside = Path.Combine(_folder, "kvserver");
        File.WriteAllText(beside, "");
        Assert.Equal(beside, KvServerProgram.Find(_folder, elsewhere));
    }

    [Fact]
    public void Open_AgainOnTheSameFolder_HasTheSameAddresses()
    {
        using LocalCluster first = LocalCluster.Open(_folder, 3, "kvserver", []);
        using LocalCluster again = LocalCluster.Open(_folder, null, "kvserver", []);

        Assert.True(first.IsNew);
        Assert.False(again.IsNew);
        Assert.Equal(first.Stores.Select(store => store.Addresses), again.Stores.Select(store => store.Addresses));
        IEnumerable<string> addresses = first.Stores.SelectMany(
            store => (string[])[store.Addresses.Client, store.Addresses.Peer, store.Addresses.Http]);
        Assert.Equal(9, addresses.Distinct().Count());
        Assert.Contains(
            "has 3 stores, not 5",
            Assert.Throws<LocalClusterException>(() => LocalCluster.Open(_folder, 5, "kvserver", [])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Save_LayoutWithAndWithoutSplitKeys_IsReadBackAsTheSame()
    {
        string path = Path.Combine(_folder, "cluster.json");
        var stores = new[] { new LocalStoreAddresses("a:1", "b:2", "c:3") };
        foreach (byte[][]? keys in (byte[][]?[])[null, [], [[0xff, 0], "k"u8.ToArray()]])
        {
            LocalClusterFile.Save(path, new LocalClusterLayout(stores, keys));
            LocalClusterLayout? read = LocalClusterFile.Load(path);

            Assert.Equal(stores, read!.Stores);
            Assert.Equal(keys, read.SplitKeys);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"localCluster":9,"stores":[]}""")]
    [InlineData("""{"localCluster":1,"stores":[{"client":"a:1"}]}""")]
    public void Open_FolderWithAFileThatIsNoCluster_IsRefusedByName(string content)
    {
        string path = Path.Combine(_folder, "cluster.json");
        File.WriteAllText(path, content);

        Assert.Contains(
            path, Assert.Throws<LocalClusterException>(() => LocalCluster.Open(_folder, null, "kvserver", [])).Message,
            StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(path));
    }

    [Fact]
    public void Choose_Ports_AreDistinctFreeAndBelowThoseOfOutgoingConnections()
    {
        int[] ports = FreePorts.Choose(9);

        Assert.Equal(9, ports.Distinct().Count());
        Assert.All(ports, port => Assert.InRange(port, 10_000, 60_999));
        foreach (int port in ports)
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
        }
    }

    [Fact]
    public async Task Stores_ProgramThatEndsAtOnce_IsToldWithItsLastWords()
    {
        string program = Script("echo first >&2; echo 'port 1 is taken' >&2; exit 7");
        using LocalCluster cluster = LocalCluster.Open(_folder, 1, program, []);
        cluster.Start();
        Assert.True(await cluster.Stores[0].WaitAsync(TimeSpan.FromSeconds(30)));

        string message = (await Assert.ThrowsAsync<LocalClusterException>(() =>
            cluster.FoundAsync([], TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken))).Message;

        Assert.Contains("store1 ended with exit code 7: port 1 is taken", message, StringComparison.Ordinal);
        Assert.Contains(cluster.Stores[0].LogPath, message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stores_StartedAndStopped_GetTheirArgumentsAndSigterm()
    {
        string program = Script("trap 'echo bye; exit 0' TERM; echo \"$@\"; while true; do sleep 0.05; done");
        using LocalCluster cluster = LocalCluster.Open(_folder, 3, program, ["--more"]);
        cluster.Start();
        foreach (LocalStoreProcess store in cluster.Stores)
        {
            await UntilAsync(() => store.LastLogLine().Length > 0);
            Assert.Equal(
                $"--data {store.DataFolder} --listen-client {store.Addresses.Client} --listen-peer "
                    + $"{store.Addresses.Peer} --listen-http {store.Addresses.Http} --wait-init --more",
                store.LastLogLine());
            Assert.Equal(
                store.ProcessId,
                int.Parse(await File.ReadAllTextAsync(store.ProcessIdPath, TestContext.Current.CancellationToken)));
        }

        Assert.Empty(await cluster.StopAsync(TimeSpan.FromSeconds(30)));

        Assert.All(cluster.Stores, store =>
            Assert.Equal((0, "bye", false), (store.ExitCode, store.LastLogLine(), File.Exists(store.ProcessIdPath))));
    }

    [Fact]
    public async Task Stores_ThatDoNotStop_AreNamedAndLeft()
    {
        string program = Script("trap '' TERM; echo up; while true; do sleep 0.05; done");
        using LocalCluster cluster = LocalCluster.Open(_folder, 1, program, []);
        cluster.Start();
        await UntilAsync(() => cluster.Stores[0].LastLogLine().Length > 0);

        LocalStoreProcess left = Assert.Single(await cluster.StopAsync(TimeSpan.FromMilliseconds(100)));
        Assert.True(left.IsRunning);
        using LocalCluster other = LocalCluster.Open(_folder, 1, program, []);
        string message = Assert.Throws<LocalClusterException>(other.Start).Message;
        await left.KillAsync(TestContext.Current.CancellationToken);

        Assert.Contains($"runs already as process {left.ProcessId}", message, StringComparison.Ordinal);
        Assert.False(left.IsRunning);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }

    private string Script(string body)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs /bin/sh");
        string path = Path.Combine(_folder, "program.sh");
        File.WriteAllText(path, "#!/bin/sh\n" + body + "\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return path;
    }
}
