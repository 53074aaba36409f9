// Owns a store that has an identity and runs: its log, transport, loops and placement, put together in order and taken
// apart in the opposite one.
using Kv.Base;
using Kv.Engine.Log;
using Kv.Placement;
using Kv.Placement.Driver;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Kv.Server.Folder;
using Kv.Server.Options;
using Kv.Server.Peer;
using Kv.Store;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Hosting;

internal sealed class ServingStore : IAsyncDisposable
{
    private readonly DataFolder _folder;
    private readonly ISharedLog _log;
    private readonly GrpcTransport _transport;
    private readonly PumpGroup _pumps;
    private readonly ILogger _logger;

    private ServingStore(
        StoreIdentity identity,
        DataFolder folder,
        ISharedLog log,
        GrpcTransport transport,
        LocalStore store,
        PlacementDriver placement,
        PumpGroup pumps,
        ILogger logger)
    {
        Identity = identity;
        _folder = folder;
        _log = log;
        _transport = transport;
        Store = store;
        Placement = placement;
        _pumps = pumps;
        _logger = logger;
    }

    public StoreIdentity Identity { get; }

    public LocalStore Store { get; }

    public PlacementDriver Placement { get; }

    public long LogBytes => _log.SizeBytes;

    public long FreeBytes => _folder.FreeBytes();

    /// <summary>
    /// Opens and starts the store whose identity the folder holds. Raises the incarnation first, durably (Sleep law).
    /// </summary>
    public static ServingStore Start(
        ServerOptions options,
        DataFolder folder,
        StoreInfo self,
        IReadOnlyList<StoreInfo> known,
        Action<Pump, Exception> onFailure,
        ILoggerFactory loggers)
    {
        IdentityRecord record = folder.Meta.LoadIdentity();
        Invariant.Require(record.ClusterId != 0 && record.StoreId != 0);
        record.Incarnation = checked(record.Incarnation + 1);
        folder.Meta.SaveIdentity(record);
        ISharedLog log = folder.OpenLog(record);
        StoreInfo info = self.Clone();
        info.Id = record.StoreId;
        info.Incarnation = record.Incarnation;
        var identity = new StoreIdentity(new ClusterId(record.ClusterId), info);
        var transport = new GrpcTransport(identity, loggers.CreateLogger("transport"));
        var binding = new PlacementBinding();
        LocalStore store = LocalStore.Open(new StoreContext
        {
            Cluster = identity.Cluster,
            Self = info,
            Options = options.Store with
            {
                LeaseMs = (long)record.LeaseMs,
                LeaseDriftMs = (long)record.LeaseDriftMs,
            },
            Engine = folder.Engine,
            Log = log,
            Transport = transport,
            Clock = BootTimeProvider.Instance,
            Seed = RandomSeed.Next(),
            Logger = loggers.CreateLogger("store"),
            SystemListener = binding,
            FreeBytes = folder.FreeBytes,
        });
        var driver = new PlacementDriver(
            options.Placement,
            BootTimeProvider.Instance,
            binding,
            binding,
            SeedOf(folder.Meta.Load()),
            loggers.CreateLogger("placement"));
        binding.Connect(store, driver);
        foreach (StoreInfo other in known)
        {
            store.LearnStore(other);
            transport.SetStore(other);
        }

        // Placement first: when it stops, the loops behind it still answer.
        var pumps = new PumpGroup(BootTimeProvider.Instance, onFailure);
        pumps.Add(driver);
        foreach (Pump pump in store.Pumps)
        {
            pumps.Add(pump);
        }

        pumps.Start();
        return new ServingStore(identity, folder, log, transport, store, driver, pumps, loggers.CreateLogger("server"));
    }

    /// <summary>The store's numbers now; null when the loop does not answer in time.</summary>
    public async Task<Kv.Store.StoreStatus?> StatusAsync(TimeSpan patience)
    {
        var source = new TaskCompletionSource<Kv.Store.StoreStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        Store.Describe(status => source.TrySetResult(status));
        try
        {
            return await source.Task.WaitAsync(patience);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    /// <summary>Hands leaderships away, until none is left or patience ends.</summary>
    public async Task DrainAsync(TimeSpan patience)
    {
        if (Store.OtherStores().Count == 0 || patience <= TimeSpan.Zero)
        {
            return;
        }

        Store.BeginStop();
        long start = Instant.Now(BootTimeProvider.Instance).Nanoseconds;
        int left = int.MaxValue;
        while (left > 0 && Instant.Now(BootTimeProvider.Instance).Nanoseconds - start < patience.TotalNanoseconds)
        {
            left = (await StatusAsync(TimeSpan.FromSeconds(1)))?.LeaderCount ?? left;
            if (left > 0)
            {
                await Task.Delay(50);
            }
        }

        if (left > 0)
        {
            _logger.LogWarning("stopping although {Leaders} regions are still led here", left);
        }
    }

    public async ValueTask DisposeAsync()
    {
        IReadOnlyList<string> stuck = _pumps.Stop();
        if (stuck.Count > 0)
        {
            // Its files are in use by a thread that does not answer: leave them to the end of the process.
            _logger.LogError("loops {Loops} do not end; files stay open until the process ends",
                string.Join(", ", stuck));
            return;
        }

        await _transport.DisposeAsync();
        Store.Dispose();
        _folder.Engine.SyncWal();
        _log.Dispose();
    }

    private static PlacementSeed? SeedOf(FoundingRecord founding) => founding.Step != FoundingStep.Committed
        ? null
        : new PlacementSeed(
            new ClusterId(founding.Plan.ClusterId),
            founding.Founders,
            founding.Plan.NextId,
            founding.Plan.LeaseMs,
            founding.Plan.LeaseDriftMs);
}
