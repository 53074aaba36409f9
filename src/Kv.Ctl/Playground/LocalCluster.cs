using System.Globalization;
using Google.Protobuf;
using Kv.Base;
using Kv.Client;
using Kv.Client.Admin;
using Kv.Protocol.V1;

namespace Kv.Ctl.Playground;

/// <summary>
/// A cluster of kvserver processes on this machine with its data under one folder: <c>cluster.json</c> with the
/// addresses, and per store a data folder, a log and a file with the process id. Opening the folder again gives the
/// same cluster.
/// Used by one caller at a time. Disposing ends no process: that is <see cref="StopAsync"/>.
/// </summary>
internal sealed class LocalCluster : IDisposable
{
    /// <summary>A store that stops in order hands its leaders away first.</summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan AskInterval = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(5);

    private readonly string _layoutPath;
    private LocalClusterLayout _layout;

    private LocalCluster(
        string folder, string layoutPath, LocalClusterLayout layout, bool isNew,
        IReadOnlyList<LocalStoreProcess> stores)
    {
        Folder = folder;
        IsNew = isNew;
        Stores = stores;
        _layoutPath = layoutPath;
        _layout = layout;
    }

    public string Folder { get; }

    /// <summary>Whether the folder held no cluster when it was opened.</summary>
    public bool IsNew { get; }

    public IReadOnlyList<LocalStoreProcess> Stores { get; }

    /// <summary>The client addresses of all stores.</summary>
    public IReadOnlyList<string> Seeds => Stores.Select(store => store.Addresses.Client).ToArray();

    /// <summary>Opens the cluster in <paramref name="folder"/>, or lays out a new one there; starts nothing.</summary>
    /// <param name="folder">Made when it is not there.</param>
    /// <param name="storeCount">1 or another odd number; null takes what the folder has, or 3.</param>
    /// <param name="program">Path of kvserver.</param>
    /// <param name="extraArguments">Further arguments for each kvserver.</param>
    public static LocalCluster Open(
        string folder, int? storeCount, string program, IReadOnlyList<string> extraArguments)
    {
        folder = Path.GetFullPath(folder);
        string path = Path.Combine(folder, "cluster.json");
        LocalClusterLayout? kept;
        try
        {
            Directory.CreateDirectory(folder);
            kept = LocalClusterFile.Load(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new LocalClusterException($"the folder {folder} cannot be used: {cause.Message}", cause);
        }

        if (kept is not null && storeCount is { } wanted && wanted != kept.Stores.Count)
        {
            throw new LocalClusterException(
                $"the cluster in {folder} has {Count(kept.Stores.Count)}, not {wanted}; leave the number out, or use "
                    + "another folder");
        }

        LocalClusterLayout layout = kept ?? new LocalClusterLayout(NewAddresses(storeCount ?? 3), SplitKeys: null);
        if (kept is null)
        {
            LocalClusterFile.Save(path, layout);
        }

        LocalStoreProcess[] stores = layout.Stores
            .Select((address, i) => new LocalStoreProcess(
                "store" + (i + 1).ToString(CultureInfo.InvariantCulture), folder, address, program, extraArguments))
            .ToArray();
        return new LocalCluster(folder, path, layout, isNew: kept is null, stores);
    }

    /// <summary>Starts every store that does not run.</summary>
    public void Start()
    {
        foreach (LocalStoreProcess store in Stores)
        {
            if (!store.IsRunning)
            {
                store.Start();
            }
        }
    }

    /// <summary>
    /// Founds the cluster on all stores; asked again it answers the same cluster. Waits for the stores to be up. The
    /// split keys count when it is asked for the first time.
    /// </summary>
    public async Task<InitResponse> FoundAsync(
        IEnumerable<ReadOnlyMemory<byte>> splitKeys, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (_layout.SplitKeys is null)
        {
            _layout = _layout with { SplitKeys = splitKeys.Select(key => key.ToArray()).ToArray() };
            LocalClusterFile.Save(_layoutPath, _layout);
        }

        var request = new InitRequest();
        request.Founders.AddRange(Stores.Select(store => store.Addresses.Peer));
        request.InitialSplitKeys.AddRange(_layout.SplitKeys!.Select(key => ByteString.CopyFrom(key)));
        await using var admin = new KvAdmin(Seeds, AskTimeout);
        return await AskUntilAsync<InitResponse>(
            "founded", timeout, async () =>
                (await admin.InitAsync(request, cancellationToken), null), cancellationToken);
    }

    /// <summary>Waits until every store has reported and every region has a leader.</summary>
    public async Task<ClusterStatusResponse> WaitReadyAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        await using var admin = new KvAdmin(Seeds, AskTimeout);
        return await AskUntilAsync(
            "ready",
            timeout,
            async () =>
            {
                ClusterStatusResponse status = await admin.ClusterStatusAsync(cancellationToken);
                return (status, Unready(status));
            },
            cancellationToken);
    }

    /// <summary>
    /// Asks every store to stop (SIGTERM) and waits until all have. Returns those that had not when the time was over;
    /// they are left running.
    /// </summary>
    public async Task<IReadOnlyList<LocalStoreProcess>> StopAsync(TimeSpan timeout)
    {
        foreach (LocalStoreProcess store in Stores)
        {
            store.Terminate();
        }

        bool[] stopped = await Task.WhenAll(Stores.Select(store => store.WaitAsync(timeout)));
        return Stores.Where((_, i) => !stopped[i]).ToArray();
    }

    public void Dispose()
    {
        foreach (LocalStoreProcess store in Stores)
        {
            store.Dispose();
        }
    }

    private string? Unready(ClusterStatusResponse status)
    {
        int up = status.Stores.Count(store => store.State == StoreState.Up);
        return status switch
        {
            _ when up < Stores.Count => $"{up} of {Count(Stores.Count)} are up",
            { Complete: false } => "placement has not heard of all stores yet",
            { RegionCount: 0 } => "there is no region yet",
            { RegionsWithoutLeader: > 0 } =>
                $"{status.RegionsWithoutLeader} of {status.RegionCount} regions have no leader",
            _ => null,
        };
    }

    /// <summary>
    /// Asks again and again until the answer is there and nothing is missing from it, or a store has ended.
    /// </summary>
    private async Task<T> AskUntilAsync<T>(
        string what, TimeSpan timeout, Func<Task<(T Answer, string? Missing)>> ask, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        string last = "no store answered";
        while (true)
        {
            RequireRunning();
            try
            {
                (T answer, string? missing) = await ask();
                if (missing is null)
                {
                    return answer;
                }

                last = missing;
            }
            catch (KvInvalidRequestException cause)
            {
                throw new LocalClusterException($"the cluster in {Folder} cannot be {what}: {cause.Message}", cause);
            }
            catch (KvException cause)
            {
                last = cause.Message;
            }

            try
            {
                await Task.Delay(AskInterval, limit.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new LocalClusterException(
                    $"the cluster in {Folder} was not {what} within {timeout.TotalSeconds:0} s: {last}; see the "
                        + "logs there");
            }
        }
    }

    private void RequireRunning()
    {
        foreach (LocalStoreProcess store in Stores)
        {
            if (store.ExitCode is { } exitCode)
            {
                throw new LocalClusterException(
                    $"{store.Name} ended with exit code {exitCode}: {store.LastLogLine()} (whole log: "
                        + $"{store.LogPath})");
            }
        }
    }

    private static LocalStoreAddresses[] NewAddresses(int storeCount)
    {
        Invariant.Require(storeCount > 0 && storeCount % 2 == 1);
        int[] ports = FreePorts.Choose(storeCount * 3);
        return Enumerable.Range(0, storeCount)
            .Select(i => new LocalStoreAddresses(At(ports[3 * i]), At(ports[(3 * i) + 1]), At(ports[(3 * i) + 2])))
            .ToArray();
    }

    private static string At(int port) => "127.0.0.1:" + port.ToString(CultureInfo.InvariantCulture);

    private static string Count(int stores) => stores == 1 ? "1 store" : $"{stores} stores";
}
