using System.Diagnostics.Metrics;
using Kv.Server.Hosting;
using Kv.Store;

namespace Kv.Server.Metrics;

/// <summary>
/// The store's numbers as instruments. They show what was read at the last <see cref="RefreshAsync"/>.
/// </summary>
internal sealed class ServerMetrics : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Meter _meter = new("Kv.Server");
    private readonly Func<ServingStore?> _serving;
    private volatile StoreStatus? _status;

    public ServerMetrics(Func<ServingStore?> serving, Readiness readiness)
    {
        _serving = serving;
        _meter.CreateObservableGauge(
            "kv.ready", () => readiness.WhyNot is null ? 1 : 0, description: "1 while this store serves");
        Gauge("kv.regions", static s => s.RegionCount, "peers of regions on this store");
        Gauge("kv.regions.led", static s => s.LeaderCount, "regions led by this store");
        Gauge("kv.regions.awake", static s => s.AwakeCount, "peers that are not asleep");
        Gauge("kv.regions.stopped", static s => s.Stopped.Count, "peers stopped or quarantined");
        Gauge("kv.proposals.waiting", static s => s.ProposalBytes, "proposals not yet applied", "By");
        Gauge("kv.log.size", static s => s.LogBytes, "the raft log on disk", "By");
        Gauge("kv.log.size.max", static s => s.LogBytesMax, "above this, writes are refused", "By");
        Counter("kv.log.syncs", static s => s.LogSyncCount, "syncs of the raft log");
        Counter("kv.commands", static s => s.CommandCount, "commands applied");
        Counter("kv.reads.lease", static s => s.LeaseReadCount, "reads answered under lease");
        Counter("kv.reads.index", static s => s.IndexReadCount, "reads answered by ReadIndex");
        Counter("kv.reads.disk", static s => s.DiskReadCount, "gets that were not in memory");
        Counter("kv.messages.dropped", static s => s.DroppedMessageCount,
            "messages of other stores dropped at a bound");
        Counter("kv.heartbeats.withheld", static s => s.HeartbeatsWithheldCount,
            "heartbeats not sent for want of progress");
        _meter.CreateObservableGauge(
            "kv.disk.free", () => _serving()?.FreeBytes ?? 0, "By", "free space where the data folder lies");
    }

    public async Task RefreshAsync()
    {
        if (_serving() is { } store && await store.StatusAsync(Patience) is { } status)
        {
            _status = status;
        }
    }

    public void Dispose() => _meter.Dispose();

    private void Gauge(string name, Func<StoreStatus, long> value, string help, string? unit = null) =>
        _meter.CreateObservableGauge(name, () => Now(value), unit, help);

    private void Counter(string name, Func<StoreStatus, long> value, string help) =>
        _meter.CreateObservableCounter(name, () => Now(value), null, help);

    private IEnumerable<Measurement<long>> Now(Func<StoreStatus, long> value) =>
        _status is { } status ? [new Measurement<long>(value(status))] : [];
}
