// Owns the life of the process: folder, ports, founding or joining, the store, and the stop. One instance per process;
// the order of the steps is the order of the methods.
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Files;
using Kv.Placement.Founding;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Rpc.Services;
using Kv.Server.Client;
using Kv.Server.Folder;
using Kv.Server.Http;
using Kv.Server.Metrics;
using Kv.Server.Options;
using Kv.Server.Peer;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Hosting;

internal sealed class ServerProcess : IDisposable
{
    /// <summary>Names the file operations that fail on purpose, in the words of <see cref="FaultPlan"/>.</summary>
    private const string FaultsVariable = "KV_FAULTS";

    private readonly ServerOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _log;
    private readonly DataFolder _folder;
    private readonly StoreInfo _self;
    private readonly Readiness _readiness = new();
    private readonly HealthService _health = new();
    private readonly DoorSwitch _door = new();
    private readonly FoundingCalls _calls = new();
    private readonly PumpGroup _beforeServing;
    private readonly FoundingPump _founding;
    private readonly ExchangeService _exchange;

    // Completed once: with what the store must know to serve, or by what ends the process.
    private readonly TaskCompletionSource<IReadOnlyList<StoreInfo>> _mayServe =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly TaskCompletionSource<StartException> _failed =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ServingStore? _serving;

    private ServerProcess(ServerOptions options, DataFolder folder, ILoggerFactory loggers)
    {
        _options = options;
        _loggers = loggers;
        _log = loggers.CreateLogger("server");
        _folder = folder;
        _self = new StoreInfo
        {
            ClientAddress = options.ClientAddress,
            PeerAddress = options.PeerAddress,
            HttpAddress = options.HttpAddress,
            Version = ProductVersion.Current,
        };
        _self.Labels.Add(options.Labels.ToDictionary(static pair => pair.Key, static pair => pair.Value));
        _beforeServing = new PumpGroup(BootTimeProvider.Instance, OnPumpFailed);
        _founding = NewFounding();
        _exchange = new ExchangeService(OnStranger, loggers.CreateLogger("peers"));
    }

    /// <summary>Runs until <paramref name="stop"/> or a failure; the exit code.</summary>
    public static async Task<int> RunAsync(ServerOptions options, ILoggerFactory loggers, CancellationToken stop)
    {
        ILogger log = loggers.CreateLogger("server");
        FaultPlan? faults = ReadFaults(log);
        try
        {
            IFileSystem files = new PosixFileSystem();
            DataFolder folder = DataFolder.Open(
                options, faults is null ? files : new FaultInjectingFileSystem(files, faults));
            using var process = new ServerProcess(options, folder, loggers);
            return await process.RunAsync(stop);
        }
        catch (Exception e) when (e is StorageException or EngineException)
        {
            throw new StartException(ExitCode.DiskFailed, $"the disk failed: {e.Message}");
        }
        finally
        {
            if (faults is not null)
            {
                log.LogWarning("{Variable} crossings: {Crossings}", FaultsVariable, faults.Describe());
            }
        }
    }

    public void Dispose() => _calls.Dispose();

    /// <summary>The faults that a test asked for; null in every other life.</summary>
    private static FaultPlan? ReadFaults(ILogger log)
    {
        string? text = Environment.GetEnvironmentVariable(FaultsVariable);
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        try
        {
            var plan = FaultPlan.Parse(text);
            log.LogWarning("{Variable} is set, so file operations fail on purpose: {Faults}", FaultsVariable, text);
            return plan;
        }
        catch (FormatException e)
        {
            throw new StartException(ExitCode.Configuration, $"{FaultsVariable}: {e.Message}");
        }
    }

    private async Task<int> RunAsync(CancellationToken stop)
    {
        using var collector = new MetricsCollector();
        using var metrics = new ServerMetrics(() => _serving, _readiness);
        await using var listeners = new Listeners();
        var endpoints = new HttpEndpoints(_options, _folder.Display, _readiness, () => _serving, metrics, collector);
        await listeners.ListenHttpAsync(_options, endpoints, _loggers);
        var foundingService = new FoundingService(_founding, () => _serving?.Placement);
        await listeners.ListenPeerAsync(_options, [_exchange.Bind(), foundingService.Bind()], _loggers);
        var kv = new KvService(_door, _options, () => _serving?.Placement);
        var admin = new AdminService(_options, _founding, () => _serving);
        await listeners.ListenClientAsync(_options, [kv.Bind(), admin.Bind()], _health, _loggers);
        SetHealth(isServing: false);
        Begin();
        using CancellationTokenRegistration registration = stop.Register(() => _failed.TrySetResult(Asked()));
        Task first = await Task.WhenAny(_mayServe.Task, _failed.Task);
        if (first == _mayServe.Task)
        {
            Serve(await _mayServe.Task);
        }

        StartException end = await _failed.Task;
        return await EndAsync(end);
    }

    private static StartException Asked() => new(ExitCode.Stopped, "asked to stop");

    private FoundingPump NewFounding()
    {
        IdentityRecord identity = _folder.Meta.LoadIdentity();
        bool joined = identity.ClusterId != 0 && _folder.Meta.Load().Step == FoundingStep.None;
        var options = new FoundingOptions
        {
            Self = _self,
            Instance = RandomSeed.Next(),
            LeaseMs = (ulong)_options.Store.LeaseMs,
            LeaseDriftMs = (ulong)_options.Store.LeaseDriftMs,
            Joining = identity.ClusterId == 0 && _options.Join.Count > 0,
            JoinedClusterId = joined ? identity.ClusterId : 0,
            JoinedStoreId = joined ? identity.StoreId : 0,
        };
        return new FoundingPump(
            options,
            _folder.Meta,
            _calls,
            BootTimeProvider.Instance,
            new DeterministicRandom(RandomSeed.Next()),
            record => _mayServe.TrySetResult([.. record.Founders]),
            _loggers.CreateLogger("founding"));
    }

    /// <summary>
    /// Decides by what the folder holds: serve, wait for a founding to end, join, wait for init, or found alone.
    /// </summary>
    private void Begin()
    {
        IdentityRecord identity = _folder.Meta.LoadIdentity();
        FoundingRecord founding = _folder.Meta.Load();
        _beforeServing.Add(_founding);
        if (founding.Step == FoundingStep.Committed || (identity.ClusterId != 0 && founding.Step == FoundingStep.None))
        {
            _mayServe.TrySetResult([.. founding.Founders]);
        }
        else if (founding.Step != FoundingStep.None)
        {
            Wait($"the founding of cluster {new ClusterId(founding.Plan.ClusterId)} is not decided yet");
        }
        else if (_options.Join.Count > 0)
        {
            Wait($"joining through {string.Join(", ", _options.Join)}");
            _beforeServing.Add(NewJoin(identity));
        }
        else if (_options.WaitForInit)
        {
            Wait("waiting for init: kvctl cluster init");
        }
        else
        {
            Wait("founding a cluster of this store alone");
            FoundAlone();
        }

        _beforeServing.Start();
    }

    private void Wait(string whyNot)
    {
        _readiness.Set(whyNot);
        _door.Close($"this store does not serve yet: {whyNot}");
        _log.LogInformation("{Start}: {State}", StartLine(null), whyNot);
    }

    private void FoundAlone()
    {
        var request = new InitRequest();
        request.Founders.Add(_options.PeerAddress);
        request.InitialSplitKeys.AddRange(
            _options.InitialSplitKeys.Select(static key => Google.Protobuf.ByteString.CopyFrom(key)));
        _founding.Init(request, reply =>
        {
            if (reply.Value is null)
            {
                _failed.TrySetResult(
                    new StartException(ExitCode.Refused, reply.Refusal ?? reply.Failure ?? "not founded"));
            }
        });
    }

    private JoinPump NewJoin(IdentityRecord identity)
    {
        if (identity.JoinAttempt == 0)
        {
            identity.JoinAttempt = RandomSeed.Next();
            _folder.Meta.SaveIdentity(identity);
        }

        return new JoinPump(
            _self,
            identity.JoinAttempt,
            _options.Join,
            _calls,
            BootTimeProvider.Instance,
            OnJoined,
            _loggers.CreateLogger("join"));
    }

    private void OnJoined(FoundingReply<JoinResponse> reply)
    {
        if (reply.Value is not { } joined)
        {
            _failed.TrySetResult(
                new StartException(ExitCode.Refused, $"the cluster does not take this store in: {reply.Refusal}"));
            return;
        }

        IdentityRecord identity = _folder.Meta.LoadIdentity();
        identity.ClusterId = joined.ClusterId;
        identity.StoreId = joined.StoreId;
        identity.LeaseMs = joined.LeaseMs;
        identity.LeaseDriftMs = joined.LeaseDriftMs;
        _folder.Meta.SaveIdentity(identity);
        _mayServe.TrySetResult([.. joined.Stores]);
    }

    private void Serve(IReadOnlyList<StoreInfo> known)
    {
        ServingStore store = ServingStore.Start(_options, _folder, _self, known, OnPumpFailed, _loggers);
        _serving = store;
        _exchange.Open(store.Identity, store.Store);
        _door.Open(store.Store.Door);
        _readiness.Set(null);
        SetHealth(isServing: true);
        _log.LogInformation("{Start}: serving", StartLine(store));
    }

    private void SetHealth(bool isServing)
    {
        _health.Set("", isServing);
        _health.Set("kv.v1.Kv", isServing);
    }

    private string StartLine(ServingStore? store) =>
        $"kvserver {ProductVersion.Current} (.NET {Environment.Version}, protocol {Protocol.ProtocolVersion.Current}, "
        + $"format {FolderMeta.FormatVersion}) client {_options.ClientAddress} peer {_options.PeerAddress} "
        + $"http {_options.HttpAddress} folder {_folder.Display} "
        + (store is null ? "no cluster" : $"cluster {store.Identity.Cluster} store {store.Identity.Self.Id} "
            + $"incarnation {store.Identity.Self.Incarnation}");

    private async Task<int> EndAsync(StartException end)
    {
        _readiness.Set($"stopping: {end.Message}");
        SetHealth(isServing: false);
        if (end.ExitCode != ExitCode.Stopped)
        {
            // Nothing is flushed or handed over: what failed may be what a clean end would need. The log is the truth.
            _log.LogCritical("stopped: {Reason} (exit code {Code})", end.Message, end.ExitCode);
            return end.ExitCode;
        }

        ServingStore? store = _serving;
        if (store is not null)
        {
            await store.DrainAsync(TimeSpan.FromMilliseconds(_options.DrainTimeoutMs));
            _door.Close("the store is stopping");
            _exchange.Close();
            await store.DisposeAsync();
        }

        _beforeServing.Stop();
        _folder.Dispose();
        _log.LogInformation("stopped: {Reason}", end.Message);
        return ExitCode.Stopped;
    }

    /// <summary>
    /// A store of a cluster expects one of its own here, and this folder knows of no cluster: its folder was lost.
    /// </summary>
    private void OnStranger(Hello hello)
    {
        if (_options.Join.Count > 0)
        {
            // Placement may have told the others of this store before it has heard its own id.
            return;
        }

        _founding.OnInspect(reply =>
        {
            if (reply.Value is { ClusterId: 0 })
            {
                _failed.TrySetResult(new StartException(
                    ExitCode.Refused,
                    $"cluster {new ClusterId(hello.ClusterId)} expects its store {hello.ToStoreId} at "
                    + $"{_options.PeerAddress}, but "
                    + $"{_folder.Display} is empty; a store that lost its folder does not come back as its old "
                    + $"self: bring the folder "
                    + "back, or start a new store at another address with --join"));
            }
        });
    }

    private void OnPumpFailed(Pump pump, Exception e)
    {
        _log.LogCritical(e, "loop {Loop} failed: {Why}", pump.Name, e.Message);
        _failed.TrySetResult(e is StorageException or EngineException
            ? new StartException(ExitCode.DiskFailed, $"the disk failed in loop {pump.Name}: {e.Message}")
            : new StartException(ExitCode.Defect, $"loop {pump.Name} failed: {e.Message}"));
    }
}
