using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Kv.Base;

namespace Kv.Cluster.Tests;

/// <summary>The kvctl program against three stores.</summary>
public sealed class KvctlTests(ThreeStores stores) : IClassFixture<ThreeStores>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvctl-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task PutGetScanDelete_DoWhatTheySay()
    {
        (await RunAsync("put", "basic/b", "0x00ff")).Succeeded();
        (await RunAsync("put", "basic/a", "héllo wörld")).Succeeded();
        Assert.Equal("héllo wörld\n", (await RunAsync("get", "basic/a")).Succeeded().Output);
        Assert.Equal([0x00, 0xff], (await RunAsync("get", "basic/b", "--raw")).Succeeded().OutputBytes);
        Assert.Equal("basic/a\théllo wörld\nbasic/b\t0x00ff\n",
            (await RunAsync("scan", "--prefix", "basic/")).Succeeded().Output);
        Assert.Equal("basic/b\n",
            (await RunAsync("scan", "--prefix", "basic/", "-r", "-k", "-n", "1")).Succeeded().Output);
        (await RunAsync("delete", "basic/a")).Succeeded();
        (await RunAsync("get", "basic/a")).FailedWith(3, "basic/a");
        Assert.Equal("basic/b\n", (await RunAsync("scan", "--prefix", "basic/", "--keys-only")).Succeeded().Output);
    }

    [Fact]
    public async Task ConditionsRangesAndSequences_DoWhatTheySay()
    {
        (await RunAsync("put", "guard/a", "1", "--if-absent")).Succeeded();
        (await RunAsync("put", "guard/a", "2", "--if-absent")).FailedWith(5, "its value is 1");
        (await RunAsync("exists", "guard/a")).Succeeded();
        (await RunAsync("put", "guard/a", "2", "--expect-value", "1")).Succeeded();
        string row = (await RunAsync("get", "guard/a", "--revision")).Succeeded().Output;
        string revision = row.Trim().Split('\t')[2];
        string before = (await RunAsync("getput", "guard/a", "3")).Succeeded().Output;
        Assert.Contains("value\t2", before, StringComparison.Ordinal);
        (await RunAsync("delete", "guard/a", "--expect-revision", revision)).FailedWith(5, "its value is 3");

        // In other regions too: they are cut evenly by the first byte.
        (await RunAsync("put", "0x60ff", "4")).Succeeded();
        (await RunAsync("put", "0xe0ff", "5")).Succeeded();
        Assert.Equal(
            "0xe0ff\t5\n0x60ff\t4\nguard/a\t3\n",
            (await RunAsync("get", "0xe0ff", "0x60ff", "guard/a")).Succeeded().Output);
        Assert.Equal("start\t0\nend\t5\n", (await RunAsync("sequence", "next", "guard/s", "--count", "5")).Output);
        Assert.Equal("next\t5\n", (await RunAsync("sequence", "get", "guard/s")).Output);
        string deleted = (await RunAsync(
            "delete-range", "--start", "0x60ff", "--end", "0x60ff00", "--yes")).Succeeded().Output;
        Assert.Equal("regions\t1\n", deleted);
        Assert.Equal(3, (await RunAsync("exists", "0x60ff")).ExitCode);
        (await RunAsync("delete-range", "--prefix", "guard/", "--yes")).Succeeded();
        Assert.Equal("next\t5\n", (await RunAsync("sequence", "get", "guard/s")).Output);
    }

    [Fact]
    public async Task Put_FromStandardInputAndFile_KeepsEveryByte()
    {
        byte[] value = new byte[300_000];
        new DeterministicRandom(1).Fill(value);
        string path = Path.Combine(_folder, "value");
        await File.WriteAllBytesAsync(path, value, Token);

        (await KvctlProcess.RunAsync(stores.Cluster.Seeds, value, "put", "bytes/input", "-")).Succeeded();
        (await RunAsync("put", "bytes/file", "--file", path)).Succeeded();

        Assert.Equal(value, (await RunAsync("get", "bytes/input", "--raw")).OutputBytes);
        Assert.Equal(value, (await RunAsync("get", "bytes/file", "--raw")).OutputBytes);
    }

    [Fact]
    public async Task ImportExport_OverAllRegions_KeepEveryRow()
    {
        var random = new DeterministicRandom(2);
        var lines = new SortedSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < 3_000; i++)
        {
            byte[] key = [(byte)random.Next(256), .. Encoding.UTF8.GetBytes($"-exported-{i}")];
            byte[] value = new byte[random.Next(100)];
            random.Fill(value);
            lines.Add($$"""{"key":"0x{{Hex(key)}}","value":"0x{{Hex(value)}}"}""");
        }

        string rows = await WriteAsync("rows.jsonl", lines);
        (await RunAsync("import", rows)).Succeeded();
        string first = Path.Combine(_folder, "first.jsonl");
        (await RunAsync("export", first)).Succeeded();

        // The export's own forms differ; what it says is the same bytes, in the order of keys, each once.
        (byte[] Key, byte[] Value)[] exported = File.ReadLines(first).Select(Parse)
            .Where(row => row.Key.AsSpan().IndexOf("-exported-"u8) == 1).ToArray();
        Assert.Equal(
            lines.Select(Parse).OrderBy(row => row.Key, KeyOrder.Instance).Select(row =>
                (Hex(row.Key), Hex(row.Value))),
            exported.Select(row => (Hex(row.Key), Hex(row.Value))));
        (await RunAsync("export", first)).FailedWith(1, "first.jsonl", "--resume");
        (await RunAsync("export", first, "--resume")).Succeeded();
    }

    [Fact]
    public async Task Import_KilledAndResumed_PutsEveryLine()
    {
        const int Count = 20_000;
        string rows = await WriteAsync(
            "many.jsonl",
                Enumerable.Range(0, Count).Select(i => $$"""{"key":"resumed/{{i:00000}}","value":"{{i}}"}"""));
        string checkpoint = Path.Combine(_folder, "checkpoint");
        int kills = 0;
        KvctlResult? result = null;
        while (result is null)
        {
            Assert.True(kills < 50, "the import does not get on");
            using Process import =
                KvctlProcess.Start(stores.Cluster.Seeds, "import", rows, "--resume", checkpoint, "-c", "16");
            Task<string> output = import.StandardOutput.ReadToEndAsync(Token);
            Task<string> error = import.StandardError.ReadToEndAsync(Token);

            // Killed as soon as it has kept a new checkpoint, twice; then left to end.
            string before = File.Exists(checkpoint) ? await File.ReadAllTextAsync(checkpoint, Token) : "";
            while (kills < 2 && !import.HasExited
                && (!File.Exists(checkpoint) || await File.ReadAllTextAsync(checkpoint, Token) == before))
            {
                await Task.Delay(5, Token);
            }

            if (kills < 2 && !import.HasExited)
            {
                import.Kill();
                kills++;
                await KvctlProcess.WaitAsync(import);
                continue;
            }

            await KvctlProcess.WaitAsync(import);
            result = new KvctlResult(import.ExitCode, Encoding.UTF8.GetBytes(await output), await error);
        }

        result.Succeeded();
        string[] keys = (await RunAsync("scan", "--prefix", "resumed/")).Succeeded().Output.Split('\n',
            StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"resumed/{i:00000}\t{i}"), keys);
    }

    [Fact]
    public async Task Import_BadLines_FailTheCommandAtTheEnd()
    {
        string rows = await WriteAsync("bad.jsonl",
            ["""{"key":"bad/a","value":"1"}""", "nonsense", """{"key":"bad/b","value":"2"}"""]);

        KvctlResult result = await RunAsync("import", rows);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("bad.jsonl:2:", result.Error, StringComparison.Ordinal);
        Assert.Equal("bad/a\t1\nbad/b\t2\n", (await RunAsync("scan", "--prefix", "bad/")).Succeeded().Output);
    }

    [Fact]
    public async Task Administration_ShowsStoresAndRegionsAndMovesALeader()
    {
        JsonElement status = await JsonAsync("cluster", "status");
        Assert.True(status.GetProperty("complete").GetBoolean());
        Assert.Equal(3, status.GetProperty("stores").GetArrayLength());
        JsonElement list = await JsonAsync("store", "list");
        Assert.All(list.EnumerateArray(), store => Assert.Equal("up", store.GetProperty("state").GetString()));
        JsonElement region = (await JsonAsync("region", "list")).EnumerateArray().First(item =>
            item.GetProperty("state").GetString() != "system");
        string id = region.GetProperty("id").GetRawText();
        ulong leader = region.GetProperty("leader_store_id").GetUInt64();
        ulong target =
            list.EnumerateArray().Select(store => store.GetProperty("id").GetUInt64()).First(store => store != leader);
        JsonElement moved = await JsonAsync("region", "transfer-leader", id, target.ToString());
        Assert.Equal(target, moved.GetProperty("leader_store_id").GetUInt64());
        Assert.Equal(3, (await JsonAsync("region", "show", id)).GetProperty("peers").GetArrayLength());
        Assert.Contains("│", (await RunAsync("store", "list", "-o", "table")).Succeeded().Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClusterInit_Again_AnswersTheSameCluster()
    {
        string founders = string.Join(',', stores.Cluster.Stores.Select(store => store.Addresses.Peer));
        string[] cuts = ["--split-key", "0x40", "--split-key", "0x80", "--split-key", "0xc0"];
        JsonElement again = await JsonAsync(["cluster", "init", "--founders", founders, .. cuts]);
        JsonElement status = await JsonAsync("cluster", "status");

        Assert.True(again.GetProperty("already").GetBoolean());
        Assert.Equal(status.GetProperty("cluster_id").GetString(), again.GetProperty("cluster_id").GetString());
        (await RunAsync("cluster", "init", "--founders", founders, "--split-key", "other")).FailedWith(
            1, "already", status.GetProperty("cluster_id").GetString()!);
    }

    /// <summary>
    /// Each is a one-line error that names the thing, with a non-zero exit code, and the cluster lives.
    /// </summary>
    [Fact]
    public async Task BadInput_IsRefusedInOneLine_AndTheClusterLives()
    {
        (await RunAsync("put", "", "v")).FailedWith(2, "key");
        (await RunAsync("get", "")).FailedWith(2, "key");
        string path = Path.Combine(_folder, "large");
        await File.WriteAllBytesAsync(path, new byte[(1024 * 1024) + 1], Token);
        (await RunAsync("put", new string('k', 9 * 1024), "v")).FailedWith(2, "key", "9216", "8192");
        (await RunAsync("put", "k", "--file", path)).FailedWith(2, "value", "1048577", "1048576");
        (await RunAsync("scan", "--start", "b", "--end", "a")).FailedWith(2, "start b", "end a");
        JsonElement region = (await JsonAsync("region", "list")).EnumerateArray().Last();
        (await RunAsync("region", "transfer-leader", region.GetProperty("id").GetRawText(), "99")).FailedWith(1, "99");
        (await RunAsync("region", "show", "987654")).FailedWith(1, "987654", "region list");
        (await RunAsync("frobnicate")).FailedWith(2, "frobnicate", "--help");
        (await KvctlProcess.RunAsync(["127.0.0.1:1"], "get", "k", "--timeout", "2s")).FailedWith(1, "127.0.0.1:1",
            "--seeds");
        (await KvctlProcess.RunAsync(["127.0.0.1:1"], "cluster", "status")).FailedWith(1, "127.0.0.1:1", "--seeds");

        (await RunAsync("put", "alive", "yes")).Succeeded();
        Assert.Equal("yes\n", (await RunAsync("get", "alive")).Succeeded().Output);
    }

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes);

    private static (byte[] Key, byte[] Value) Parse(string line)
    {
        JsonElement row = JsonDocument.Parse(line).RootElement;
        return (Bytes(row.GetProperty("key").GetString()!), Bytes(row.GetProperty("value").GetString()!));
    }

    private static byte[] Bytes(string form) =>
        form.StartsWith("0x", StringComparison.Ordinal) ? Convert.FromHexString(form[2..])
        : form.StartsWith("text:", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(form[5..])
        : Encoding.UTF8.GetBytes(form);

    private async Task<string> WriteAsync(string name, IEnumerable<string> lines)
    {
        string path = Path.Combine(_folder, name);
        await File.WriteAllLinesAsync(path, lines, Token);
        return path;
    }

    private Task<KvctlResult> RunAsync(params string[] args) => KvctlProcess.RunAsync(stores.Cluster.Seeds, args);

    private async Task<JsonElement> JsonAsync(params string[] args) =>
        JsonDocument.Parse((await RunAsync([.. args, "--output", "json"])).Succeeded().Output).RootElement;
}
