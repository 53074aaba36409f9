// The load generator: puts, gets and scans against a three-store loopback cluster that it starts itself, or against
// etcd members that are running. Prints one table; with --json also a line per run for comparisons.
using System.Globalization;
using System.Text.Json;
using Kv.Bench;
using Kv.Ctl.Playground;

BenchOptions options;
try
{
    options = BenchOptions.Parse(args);
}
catch (ArgumentException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}

LocalCluster? cluster = null;
string? folder = null;
try
{
    ITarget target;
    IReadOnlyList<int> processIds = options.ProcessIds;
    IReadOnlyList<string> metrics = [];
    if (options.Etcd.Count > 0)
    {
        target = new EtcdTarget(options.Etcd);
        metrics = [.. options.Etcd.Select(endpoint => $"http://{endpoint}/metrics")];
    }
    else
    {
        folder = options.Folder ?? Directory.CreateTempSubdirectory("kvbench-").FullName;
        string server = KvServerProgram.Find(AppContext.BaseDirectory,
            Environment.GetEnvironmentVariable(KvServerProgram.Variable));
        cluster = LocalCluster.Open(folder, storeCount: 3, server, ["--log-level", "warn"]);
        cluster.Start();
        var splits = Enumerable.Range(1, options.Regions - 1)
            .Select(i => (ReadOnlyMemory<byte>)new[] { (byte)(i * 256 / options.Regions) });
        await cluster.FoundAsync(splits, TimeSpan.FromSeconds(30), CancellationToken.None);
        await cluster.WaitReadyAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
        processIds = [.. cluster.Stores.Select(store => store.ProcessId)];
        metrics = [.. cluster.Stores.Select(store => $"http://{store.Addresses.Http}/metrics")];
        target = await KvTarget.ConnectAsync(cluster.Seeds);
    }

    string metric = options.Etcd.Count > 0 ? "etcd_disk_wal_fsync_duration_seconds_count" : "kv_log_syncs_total";
    var run = new LoadRun(target, new ProcessMeter(processIds), new SyncMeter(metrics, metric), options.Keys,
        options.ValueBytes);
    string groups = options.Etcd.Count > 0 ? "one group" : $"{options.Regions} regions";
    Console.WriteLine(
        $"# {target.Name}: {Environment.ProcessorCount} cores, {options.Keys} keys of 16 bytes, "
        + $"values of {options.ValueBytes} bytes, {groups}, 3 stores on loopback, sync on, client on the same machine");
    await run.LoadAsync(concurrency: 64);
    Console.WriteLine("kind   conc      ops/s    p50 ms    p99 ms  p99.9 ms  cpu µs/op  syncs/op    RSS MB");
    foreach (LoadKind kind in options.Kinds)
    {
        foreach (int concurrency in options.Concurrency)
        {
            LoadResult result = await run.RunAsync(kind, concurrency, TimeSpan.FromSeconds(options.Seconds));
            Console.WriteLine(Line(result));
            if (options.JsonPath is not null)
            {
                await File.AppendAllTextAsync(options.JsonPath, JsonSerializer.Serialize(result) + "\n");
            }
        }
    }

    await target.DisposeAsync();
    return 0;
}
finally
{
    if (cluster is not null)
    {
        await cluster.StopAsync(LocalCluster.StopTimeout);
        cluster.Dispose();
        if (options.Folder is null && folder is not null)
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

static string Line(LoadResult result) => string.Create(
    CultureInfo.InvariantCulture,
    $"{result.Kind,-5} {result.Concurrency,5} {result.PerSecond,10:F0} {result.P50Ms,9:F3} {result.P99Ms,9:F3} "
    + $"{result.P999Ms,9:F3} {result.CpuMicrosPerOperation,10:F1} {result.SyncsPerOperation,9:F4} "
    + $"{result.ResidentMegabytes,9:F0}");
