using System.Diagnostics.Metrics;
using Kv.Base;
using Kv.Server.Hosting;
using Kv.Store;
using MutationKind = Kv.Protocol.V1.MutationKind;

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
        Counter("kv.reads.exists", static s => s.ExistsReadCount, "gets that asked only whether a key exists");
        Counter("kv.reads.multi", static s => s.MultiGetCount, "multi-gets, each of many keys");
        _meter.CreateObservableCounter(
            "kv.mutations", GuardedMutations, null, "mutations of writes that are more than puts and deletes, by kind");
        Counter("kv.writes.refused", static s => s.WritesRefusedCount,
            "writes that took no effect: a condition did not hold, or a sequence had come to its end");
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

    private IEnumerable<Measurement<long>> GuardedMutations()
    {
        foreach ((MutationKind kind, long count) in _status?.GuardedMutations ?? [])
        {
            yield return new Measurement<long>(count, new KeyValuePair<string, object?>("kind", NameOf(kind)));
        }
    }

    private static string NameOf(MutationKind kind) => kind switch
    {
        MutationKind.Put => "put",
        MutationKind.Delete => "delete",
        MutationKind.PutIfAbsent => "put_if_absent",
        MutationKind.CompareAndPut => "compare_and_put",
        MutationKind.CompareAndDelete => "compare_and_delete",
        MutationKind.GetAndPut => "get_and_put",
        MutationKind.DeleteRange => "delete_range",
        MutationKind.Sequence => "sequence",
        MutationKind.SequenceReset => "sequence_reset",
        _ => throw Invariant.Unreachable(kind),
    };

    private IEnumerable<Measurement<long>> Now(Func<StoreStatus, long> value) =>
        _status is { } status ? [new Measurement<long>(value(status))] : [];
}
