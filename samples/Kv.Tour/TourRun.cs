using Kv.Client;
using Kv.Client.Admin;
using Kv.Ctl.Playground;
using Kv.Protocol.V1;

namespace Kv.Tour;

/// <summary>
/// Founds a cluster of three store processes, fills it with the .NET API reference, and checks what a user relies on:
/// every byte comes back, scans are complete and in order, regions and leaders are even, writes go on within seconds
/// when a store is killed, and nothing acknowledged is lost by that or by stopping everything.
/// </summary>
internal sealed class TourRun
{
    /// <summary>From the repository's root, where run.sh builds it.</summary>
    private const string Kvctl = "src/Kv.Ctl/bin/Release/net10.0/kvctl";

    private const int StoreCount = 3;

    private const int RegionCount = 12;

    private const int RegionCountMin = 8;

    private const int WriterCount = 96;

    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan LoadBeforeKill = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LoadAfterKill = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(10);

    private readonly LocalCluster _cluster;
    private readonly ApiReference _reference;
    private readonly Checks _checks;

    private TourRun(LocalCluster cluster, ApiReference reference, Checks checks)
    {
        _cluster = cluster;
        _reference = reference;
        _checks = checks;
    }

    /// <summary>True when every check held.</summary>
    public static async Task<bool> RunAsync(TourOptions options, CancellationToken cancellationToken)
    {
        var checks = new Checks(Console.Out, TimeProvider.System);
        checks.Title("The .NET API reference that ships with the SDK");
        ApiReference reference = ApiReference.Load();
        checks.Say($"{reference.Folder}: {reference.FileCount} files");
        checks.Say(
            $"{Checks.Count(reference.Rows.Count)} keys, "
            + $"{Checks.Count(reference.WithPrefix("M:").Count())} of them methods, "
            + $"{Checks.MiB(reference.Bytes)} of keys and values");

        string program = KvServerProgram.Find(
            AppContext.BaseDirectory, Environment.GetEnvironmentVariable(KvServerProgram.Variable));
        using LocalCluster cluster = LocalCluster.Open(options.Folder, StoreCount, program, extraArguments: []);
        if (!cluster.IsNew)
        {
            throw new TourException($"{cluster.Folder} holds a cluster already; give --data a new folder");
        }

        bool isLeftRunning = false;
        try
        {
            await new TourRun(cluster, reference, checks).RunAsync(cancellationToken);
            isLeftRunning = options.Keep;
        }
        finally
        {
            if (!isLeftRunning)
            {
                await EndAsync(cluster, checks);
            }
        }

        Summarise(options, cluster, checks);
        return checks.Broken.Count == 0;
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        await FoundAsync(cancellationToken);
        await using KvClient client = await KvClient.ConnectAsync(
            new KvClientOptions { Seeds = _cluster.Seeds }, cancellationToken);
        await using var admin = new KvAdmin(_cluster.Seeds, AskTimeout);
        var data = new DataSteps(client, _reference, _checks);
        var regions = new RegionTable(admin, _reference, _checks);

        _checks.Title("Import");
        await data.ImportAsync(cancellationToken);
        await data.VerifyAsync("after the import", cancellationToken);

        _checks.Title("Scans");
        foreach (string prefix in (string[])["T:System.Collections", "M:System.String.", "P:System.Threading",
            "no such key", ""])
        {
            await data.ScanPrefixAsync(prefix, cancellationToken);
        }

        _checks.Title("Conditions, sequences, multi-get, range delete");
        await new GuardedSteps(client, _reference, _checks).RunAsync(cancellationToken);

        _checks.Title("Regions");
        await regions.CheckLeadersAsync(TimeProvider.System, StoreCount, cancellationToken);
        await regions.PrintAndCheckAsync(RegionCountMin, cancellationToken);

        LocalStoreProcess killed = await KillAsync(client, regions, data, admin, cancellationToken);

        _checks.Title($"{killed.Name} starts again");
        killed.Start();
        await WaitReadyAsync(cancellationToken);
        await data.VerifyAsync("with all three stores", cancellationToken);

        _checks.Title("All stores stop and start");
        await StopAllAsync();
        _cluster.Start();
        await WaitReadyAsync(cancellationToken);
        await data.VerifyAsync("after the restart of all stores", cancellationToken);
        await data.ScanPrefixAsync("", cancellationToken);
        await regions.CheckLeadersAsync(TimeProvider.System, StoreCount, cancellationToken);
    }

    private async Task FoundAsync(CancellationToken cancellationToken)
    {
        _checks.Title("Three store processes");
        TimeSpan time = await _checks.TimeAsync(async () =>
        {
            _cluster.Start();
            IReadOnlyList<byte[]> cuts = RegionCuts.Choose(_reference.Rows, RegionCount);
            await _cluster.FoundAsync(cuts.Select(key => new ReadOnlyMemory<byte>(key)), ReadyTimeout,
                cancellationToken);
            await _cluster.WaitReadyAsync(ReadyTimeout, cancellationToken);
        });
        foreach (LocalStoreProcess store in _cluster.Stores)
        {
            _checks.Say(
                $"{store.Name}  process {store.ProcessId}  client {store.Addresses.Client}  "
                + $"http://{store.Addresses.Http}/status");
        }

        _checks.Check(holds: true,
            $"founded with {RegionCount} regions, and every region has a leader, after {Checks.Seconds(time)}");
    }

    private async Task<LocalStoreProcess> KillAsync(
        KvClient client, RegionTable regions, DataSteps data, KvAdmin admin, CancellationToken cancellationToken)
    {
        _checks.Title("The store that leads most is killed (kill -9) while writing goes on");
        ulong busiest = await regions.FindBusiestStoreAsync(cancellationToken);
        StoreListResponse stores = await admin.StoreListAsync(cancellationToken);
        string address = stores.Stores.Single(store => store.Store.Id == busiest).Store.ClientAddress;
        LocalStoreProcess victim = _cluster.Stores.Single(store => store.Addresses.Client == address);

        // Spread over the keys, so over the regions.
        int step = _reference.Rows.Count / WriterCount;
        await using var load = new WriteLoad(
            client, TimeProvider.System, Enumerable.Range(0, WriterCount).Select(i => _reference.Rows[i * step].Key));
        load.Start();
        await Task.Delay(LoadBeforeKill, cancellationToken);
        long before = load.AcknowledgedCount;
        await victim.KillAsync(cancellationToken);
        _checks.Say(
            $"killed {victim.Name} (its id is {busiest}), "
            + $"{Checks.Count(before)} writes by {load.WriterCount} writers so far");
        await Task.Delay(LoadAfterKill, cancellationToken);
        await load.StopAsync();

        TimeSpan pause = load.LongestPause;
        _checks.Say(
            $"{Checks.Count(load.AcknowledgedCount)} writes acknowledged, {load.FailedCount} not; "
            + $"{load.CountAbove(TimeSpan.FromMilliseconds(200))} of {load.WriterCount} writers waited over 200 ms");
        _checks.Check(
            load.AcknowledgedCount > before && pause <= PauseMax,
            $"the longest pause between two acknowledged writes of one writer was {Checks.Seconds(pause)}, "
            + $"at most {Checks.Seconds(PauseMax)}");
        await CheckLossesAsync(load, cancellationToken);
        await data.VerifyAsync("with two of three stores", cancellationToken);
        await load.RemoveAsync(cancellationToken);
        return victim;
    }

    private async Task CheckLossesAsync(WriteLoad load, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> losses = await load.FindLossesAsync(cancellationToken);
        _checks.Check(losses.Count == 0, "no acknowledged write was lost, and none came back that was never sent");
        foreach (string loss in losses.Take(3))
        {
            _checks.Say(loss);
        }
    }

    private async Task WaitReadyAsync(CancellationToken cancellationToken)
    {
        TimeSpan time = await _checks.TimeAsync(() => _cluster.WaitReadyAsync(ReadyTimeout, cancellationToken));
        _checks.Check(holds: true, $"all stores are up and every region has a leader, after {Checks.Seconds(time)}");
    }

    private async Task StopAllAsync()
    {
        IReadOnlyList<LocalStoreProcess> running = [];
        TimeSpan time =
            await _checks.TimeAsync(async () => running = await _cluster.StopAsync(LocalCluster.StopTimeout));
        string exits = string.Join(", ",
            _cluster.Stores.Select(store => $"{store.Name} {store.ExitCode?.ToString() ?? "still running"}"));
        _checks.Check(
            running.Count == 0 && _cluster.Stores.All(store => store.ExitCode == 0),
            $"SIGTERM stopped all stores in {Checks.Seconds(time)}, exit codes: {exits}");
        if (running.Count > 0)
        {
            throw new TourException($"{running[0].Name} does not stop; its log is {running[0].LogPath}");
        }
    }

    // Whatever happened, no process is left behind.
    private static async Task EndAsync(LocalCluster cluster, Checks checks)
    {
        foreach (LocalStoreProcess store in await cluster.StopAsync(LocalCluster.StopTimeout))
        {
            checks.Check(holds: false, $"{store.Name} stops within {LocalCluster.StopTimeout.TotalSeconds:0} s");
            await store.KillAsync(CancellationToken.None);
        }
    }

    private static void Summarise(TourOptions options, LocalCluster cluster, Checks checks)
    {
        checks.Title("Summary");
        checks.Say($"{checks.Held} checks held, {checks.Broken.Count} did not");
        foreach (string broken in checks.Broken)
        {
            checks.Say("NOT " + broken);
        }

        if (options.Keep)
        {
            string processes = string.Join(' ', cluster.Stores.Select(store => store.ProcessId));
            checks.Say("the cluster is left running; talk to it:");
            checks.Say($"  export KVCTL_SEEDS={string.Join(',', cluster.Seeds)}");
            checks.Say($"  {Kvctl} get T:System.String --raw");
            checks.Say($"  {Kvctl} scan --prefix T:System.Collections --keys-only --limit 10");
            checks.Say($"  {Kvctl} region list");
            checks.Say($"stop it with: kill {processes}");
            checks.Say($"start it again with: {Kvctl} playground --data {cluster.Folder}");
        }
        else if (options.IsOwnFolder && checks.Broken.Count == 0)
        {
            Directory.Delete(cluster.Folder, recursive: true);
        }
        else
        {
            checks.Say($"data and logs of the stores are in {cluster.Folder}");
        }
    }
}
