using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests.BadInput;

/// <summary>
/// What stops a kvserver from starting: one line that names the thing and what to do, and the exit code of its kind.
/// </summary>
public sealed class StartRefusalTests : IDisposable
{
    private const int ConfigurationRefused = 2;
    private const int DataFolderRefused = 3;
    private const int EnvironmentRefused = 4;

    private readonly TemporaryFolder _folder = new();
    private readonly LocalStoreAddresses _addresses = KvServerRun.FreeAddresses();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("listen.client")]
    [InlineData("listen.peer")]
    [InlineData("listen.http")]
    public async Task PortInUse_IsNamed(string key)
    {
        string address = key switch
        {
            "listen.client" => _addresses.Client,
            "listen.peer" => _addresses.Peer,
            _ => _addresses.Http,
        };
        using var holder = new TcpListener(IPEndPoint.Parse(address));
        holder.Start();

        await using KvServerRun run = Start();

        await run.RefusedAsync(EnvironmentRefused, key, address, "in use", "choose another port");
    }

    [Fact]
    public async Task RocksDbMissing_SaysWhereItLookedAndWhatToInstall()
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["KV_ROCKSDB_LIBRARY"] = _folder["librocksdb.so.none"],
        };

        await using KvServerRun run = KvServerRun.Start(environment, Arguments());

        await run.RefusedAsync(
            EnvironmentRefused, "librocksdb", "KV_ROCKSDB_LIBRARY", _folder["librocksdb.so.none"], "install");
    }

    [Fact]
    public async Task FolderOnAReadOnlyDisk_IsNamed()
    {
        Directory.CreateDirectory(_folder["data"]);
        SkipWithoutMounts();

        await using KvServerRun run = KvServerRun.StartUnder(
            """mount -t tmpfs -o ro none "$KV_TEST_FOLDER" """, _folder["data"], Arguments());

        await run.RefusedAsync(DataFolderRefused, _folder["data"], "ead-only");
    }

    [Fact]
    public async Task StoresFolderThatBecameReadOnly_IsNamed_AndServesAgainWhenItIsNot()
    {
        SkipWithoutMounts();
        await using (KvServerRun first = Start())
        {
            await first.SaysAsync(": serving");
        }

        await using (KvServerRun run = KvServerRun.StartUnder(
            """mount --bind "$KV_TEST_FOLDER" "$KV_TEST_FOLDER" && mount -o remount,ro,bind "$KV_TEST_FOLDER" """,
            _folder["data"],
            Arguments()))
        {
            await run.RefusedAsync(DataFolderRefused, _folder["data"], "ead-only");
        }

        await using KvServerRun again = Start();
        await again.SaysAsync(": serving");
    }

    [Theory]
    [InlineData("{ \"data\": ", "is no JSON", "line 1")]
    [InlineData("\0\u0001\u0002", "is no JSON", "line 1")]
    [InlineData("[1, 2]", "one object", "")]
    [InlineData("{ \"raft\": { \"tickMz\": 100 } }", "raft.tickMz", "not a setting")]
    [InlineData("{ \"tickMs\": 100 }", "tickMs", "did you mean raft.tickMs")]
    [InlineData("{ \"raft\": { \"tickMs\": \"soon\" } }", "raft.tickMs", "from 10 to 10000")]
    [InlineData("{ \"data\": null }", "data", "must be text")]
    public async Task WrongConfigurationFile_IsNamed(string text, string what, string more)
    {
        string path = _folder["store.json"];
        await File.WriteAllTextAsync(path, text, Token);

        await using KvServerRun run = Start("--config", path);

        await run.RefusedAsync(ConfigurationRefused, path, what, more);
        Assert.False(Directory.Exists(_folder["data"]), "a refused start made the data folder");
    }

    [Fact]
    public async Task MissingConfigurationFile_IsNamed()
    {
        await using KvServerRun run = Start("--config", _folder["none.json"]);

        await run.RefusedAsync(ConfigurationRefused, _folder["none.json"], "cannot be read");
    }

    [Fact]
    public async Task UnknownKeys_OnCommandLineAndInEnvironment_AreNamed()
    {
        await using (KvServerRun line = Start("--set", "raft.tickMz=100"))
        {
            await line.RefusedAsync(ConfigurationRefused, "raft.tickMz", "not a setting", "--help");
        }

        await using (KvServerRun argument = Start("--dataa", "x"))
        {
            await argument.RefusedAsync(ConfigurationRefused, "--dataa", "--help");
        }

        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["KV_RAFT_TICKMZ"] = "100" };
        await using KvServerRun variable = KvServerRun.Start(environment, Arguments());
        await variable.RefusedAsync(ConfigurationRefused, "KV_RAFT_TICKMZ", "not a setting", "--help");
    }

    private static void SkipWithoutMounts()
    {
        using Process? probe = Process.Start(new ProcessStartInfo("/bin/sh")
        {
            ArgumentList = { "-c", "unshare -m true 2>/dev/null" },
        });
        probe!.WaitForExit();
        Assert.SkipWhen(
            probe.ExitCode != 0,
            "a mount namespace cannot be made here (unshare -m)");
    }

    private KvServerRun Start(params string[] more) => KvServerRun.Start(Arguments(more));

    private string[] Arguments(params string[] more) => KvServerRun.Arguments(_folder["data"], _addresses, more);
}
