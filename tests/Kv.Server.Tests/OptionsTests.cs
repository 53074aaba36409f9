using System.Collections;
using System.Globalization;
using Kv.Server.Options;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Tests;

public class OptionsTests
{
    [Fact]
    public void Nothing_GivesTheDocumentedDefaults()
    {
        ServerOptions options = Read();
        Assert.Equal("127.0.0.1:7400", options.ClientAddress);
        Assert.Equal("127.0.0.1:7401", options.PeerAddress);
        Assert.Equal("127.0.0.1:7402", options.HttpAddress);
        Assert.Equal("./data", options.Data);
        Assert.False(options.WaitForInit);
        Assert.Empty(options.Join);
        Assert.Equal(EngineKind.RocksDb, options.Engine);
        Assert.Equal(8 * 1024, options.Store.Limits.KeyBytesMax);
        Assert.Equal(1024 * 1024, options.Store.Limits.ValueBytesMax);
    }

    [Fact]
    public void LaterSources_WinOverEarlierOnes()
    {
        using var folder = new TestFolder();
        string file = Write(folder, """
            // three sources
            { "data": "from-file", "log": { "bytesMax": "2GiB" }, "listen": { "client": "127.0.0.1:7500" }, }
            """);
        var environment = new Hashtable { ["KV_DATA"] = "from-environment", ["KV_LISTEN_CLIENT"] = "127.0.0.1:7600" };
        ServerOptions options = Read(environment, "--config", file, "--set", "listen.client=127.0.0.1:7700");
        Assert.Equal("from-environment", options.Data);
        Assert.Equal("127.0.0.1:7700", options.ClientAddress);
        Assert.Equal(2L << 30, options.Store.LogBytesMax);
    }

    [Fact]
    public void CommandLine_TakesEveryDocumentedArgument()
    {
        ServerOptions options = Read(
            [], "--data", "d", "--listen-client=127.0.0.1:1", "--listen-peer", "127.0.0.1:2", "--listen-http",
                "[::1]:3",
            "--join", "a:1,b:2", "--engine", "rocksdb", "--log-level", "warn", "--log-format", "json",
            "--set", "raft.tickMs=200ms", "--set", "labels=zone=a,host=b");
        Assert.Equal(("d", "[::1]:3", "a:1 b:2"), (options.Data, options.HttpAddress, string.Join(' ', options.Join)));
        Assert.Equal((LogLevel.Warning, true, 200), (options.LogLevel, options.LogAsJson, options.Store.TickMs));
        Assert.Equal("a", options.Labels["zone"]);
        Assert.True(Read([], "--wait-init").WaitForInit);
    }

    [Fact]
    public void SplitKeys_ComeAsAListOrFromAFile_InEveryKeyForm()
    {
        using var folder = new TestFolder();
        string keys = folder["keys.txt"];
        File.WriteAllText(keys, "M:\nT:System\n\n0x00ff\n");
        Assert.Equal(3, Read([], "--set", $"cluster.initialSplitKeys=@{keys}").InitialSplitKeys.Count);
        string file = Write(folder, """{ "cluster": { "initialSplitKeys": ["a", "0x62", "b64:Yw==", "text:0x"] } }""");
        Assert.Equal(
            ["61", "62", "63", "3078"],
            Read([], "--config", file).InitialSplitKeys.Select(static key => Convert.ToHexStringLower(key)));
    }

    [Theory]
    [InlineData("--nonsense", "unknown argument --nonsense")]
    [InlineData("--data", "--data needs a value")]
    [InlineData("--set data", "--set data: it must be key=value")]
    [InlineData("--set datta=x", "--set datta is not a setting")]
    [InlineData("--set log.bytesmax=1", "(did you mean log.bytesMax?)")]
    [InlineData("--set bytesMax=1", "(did you mean log.bytesMax?)")]
    [InlineData("--listen-client 127.0.0.1:0", "--listen-client cannot be 127.0.0.1:0: allowed is address:port")]
    [InlineData("--listen-client 127.0.0.1:70000", "port from 1 to 65535")]
    [InlineData("--listen-client somewhere:1", "IP address or localhost")]
    [InlineData("--listen-client 0.0.0.0:7400", "set listen.allowPlaintext to true")]
    [InlineData("--set listen.allowPlaintext=true --listen-peer 0.0.0.0:7401",
        "say in advertise.peer what others shall")]
    [InlineData("--listen-client 127.0.0.1:7401", "listen.client and listen.peer are both 127.0.0.1:7401")]
    [InlineData("--set log.bytesMax=-1",
        "--set log.bytesMax cannot be -1: allowed is bytes, or with KiB, MiB, GiB, from")]
    [InlineData("--set log.bytesMax=5Mb", "--set log.bytesMax cannot be 5Mb")]
    [InlineData("--set log.bytesMax=99999999999999999999", "--set log.bytesMax cannot be")]
    [InlineData("--set limits.keyBytesMax=9KiB", "from 1 to 8192")]
    [InlineData("--set limits.valueBytesMax=9MiB", "from 1 to 8388608")]
    [InlineData("--set raft.tickMs=5", "from 10 to 10000")]
    [InlineData("--set raft.tickMs=5h", "milliseconds, or with ms, s, min")]
    [InlineData("--set raft.electionTicks=ten", "a whole number, from 3 to 1000")]
    [InlineData("--engine sqlite", "--engine cannot be sqlite: allowed is rocksdb or memory")]
    [InlineData("--log-level loud", "allowed is trace or debug or info or warn or error")]
    [InlineData("--set cluster.founding=maybe", "allowed is auto or wait")]
    [InlineData("--join nowhere", "allowed is host:port")]
    [InlineData("--join a:1 --wait-init", "cluster.join and cluster.founding wait exclude each other")]
    [InlineData("--engine memory --wait-init", "engine memory serves a cluster of this store alone")]
    [InlineData("--set raft.leaseMs=2s", "raft.leaseMs + raft.leaseDriftMs is 2100: it must not be above")]
    [InlineData("--set store.silenceMs=200", "store.silenceMs is 200: it must not be below")]
    [InlineData("--set log.bytesTarget=8GiB", "log.bytesTarget is above log.bytesMax")]
    [InlineData("--set labels=a=1,a=2", "name=value, each name once")]
    [InlineData("--set cluster.initialSplitKeys=0xzz", "keys of 1 to 8192 bytes")]
    [InlineData("--set cluster.initialSplitKeys=@/nowhere/keys", "a file that can be read")]
    [InlineData("--config /nowhere/at/all.json", "configuration file /nowhere/at/all.json cannot be read")]
    public void WrongArguments_AreRefusedByName_WithExitCode2(string arguments, string expected)
    {
        StartException refusal = Assert.Throws<StartException>(() => Read([], arguments.Split(' ')));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.Equal(2, refusal.ExitCode);
    }

    [Theory]
    [InlineData("{", "is no JSON, line 1")]
    [InlineData("[]", "a configuration is one object")]
    [InlineData("""{ "data": "a", "data": "b" }""", "is no JSON")]
    [InlineData("""{ "dta": "a" }""", "dta is not a setting")]
    [InlineData("""{ "listen": { "admin": "127.0.0.1:1" } }""", "listen.admin is not a setting")]
    [InlineData("""{ "data": ["a", "b"] }""", "data takes one value, not 2")]
    [InlineData("""{ "data": null }""", "data must be text, a number")]
    [InlineData("""{ "log": { "bytesMax": -5 } }""", "log.bytesMax cannot be -5")]
    public void WrongFiles_AreRefusedByName_WithFileAndKey(string content, string expected)
    {
        using var folder = new TestFolder();
        string file = Write(folder, content);
        StartException refusal = Assert.Throws<StartException>(() => Read([], "--config", file));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(file, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(2, refusal.ExitCode);
    }

    [Fact]
    public void UnknownVariable_IsRefusedByName_AndForeignOnesAreNot()
    {
        var environment = new Hashtable { ["KV_DATTA"] = "x", ["PATH"] = "/bin", ["KVSERVER_PATH"] = "/x" };
        StartException refusal = Assert.Throws<StartException>(() => Read(environment));
        Assert.StartsWith("environment variable KV_DATTA is not a setting", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_NamesEverySettingOnce()
    {
        string help = OptionsReader.Help();
        foreach (Setting setting in SettingTable.All)
        {
            Assert.Contains($"  {setting.Key} ", help, StringComparison.Ordinal);
            Assert.Contains(setting.Variable, help, StringComparison.Ordinal);
        }

        Assert.Equal(
            SettingTable.All.Count, SettingTable.All.Select(static setting => setting.Variable).Distinct().Count());
    }

    [Fact]
    public void ShippedConfigurations_AreRead_AndThreeStoresDoNotCollide()
    {
        string config = FindConfigFolder();
        Assert.Equal("./data", Read([], "--config", Path.Combine(config, "single.json")).Data);
        ServerOptions[] three =
        [
            .. Enumerable.Range(1, 3).Select(i => Read(
                [],
                "--config",
                Path.Combine(config, "three-stores", string.Create(CultureInfo.InvariantCulture, $"store{i}.json")))),
        ];
        Assert.All(three, static options => Assert.True(options.WaitForInit));
        string[] all =
            [.. three.SelectMany(static o => new[] { o.ClientAddress, o.PeerAddress, o.HttpAddress, o.Data })];
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    private static string FindConfigFolder()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "KvStore.sln")))
            {
                return Path.Combine(at.FullName, "config");
            }
        }

        throw new InvalidOperationException("the tests do not run inside the repository");
    }

    private static string Write(TestFolder folder, string content)
    {
        string file = folder["kv.json"];
        File.WriteAllText(file, content);
        return file;
    }

    private static ServerOptions Read() => Read([]);

    private static ServerOptions Read(Hashtable environment, params string[] arguments) =>
        OptionsReader.Read(CommandLine.Parse(arguments), environment);
}
