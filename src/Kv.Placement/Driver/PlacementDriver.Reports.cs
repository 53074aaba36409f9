using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Kv.Placement.Driver;

public sealed partial class PlacementDriver
{
    private ulong _storeListNumber;

    /// <summary>A store's report. Dropped when this store does not run placement.</summary>
    public void OnReport(StoreReport report) => _mailbox.TryPost(() => TakeReport(report));

    private void TakeReport(StoreReport report)
    {
        if (_phase != Phase.Leading)
        {
            return;
        }

        if (!_stores.TryGetValue(new StoreId(report.StoreId), out StoreEntry? store))
        {
            _log.LogWarning(
                "report from store {Store}, which is not of this cluster, is ignored", report.StoreId);
            return;
        }

        if (report.Incarnation < store.Incarnation
            || (report.Incarnation == store.Incarnation && report.Sequence <= store.Sequence && store.Reported))
        {
            return;
        }

        if (report.Incarnation != store.Incarnation)
        {
            store.ReportedInFull = false;
        }

        store.Incarnation = report.Incarnation;
        store.Sequence = report.Sequence;
        store.Reported = true;
        store.LastReport = _now;
        store.Load = report;
        TakeStopping(store, report.Stopping);
        TakeInfo(store, report.Info);
        TakeRegions(store, report);
        Answer(store, report);
    }

    private void TakeStopping(StoreEntry store, bool stopping)
    {
        if (stopping && !store.Stopping)
        {
            // It waits for its leaders to go: do not make it wait for the next round.
            _scheduleDue = _now;
        }

        store.Stopping = stopping;
    }

    private void TakeInfo(StoreEntry store, StoreInfo? told)
    {
        if (told is null || told.Id != store.Record.Store.Id || told.Equals(store.Info))
        {
            return;
        }

        store.Info = told;
        _storesChanged = true;
        _storeListNumber++;
        StoreInfo lasting = PlacementRecords.Lasting(told);
        if (!lasting.Equals(store.Record.Store))
        {
            var record = new StoreRecord { Store = lasting, JoinAttempt = store.Record.JoinAttempt };
            store.Record = record;
            // If it is lost, the next driver learns the address from the store's next report again.
            _state.Propose([PlacementRecords.Put(PlacementRecords.StoreKey(store.Id), record)], _term, static _ => { });
        }
    }

    private void TakeRegions(StoreEntry store, StoreReport report)
    {
        var named = new HashSet<RegionId>();
        foreach (RegionReport region in report.Regions)
        {
            var id = new RegionId(region.Region?.Id ?? 0);
            named.Add(id);
            try
            {
                if (_regions.Apply(store.Id, region))
                {
                    _changed.Add(id);
                    FinishOperators(id);
                }
            }
            catch (MalformedDataException e)
            {
                _log.LogWarning("store {Store} reported a region that makes no sense: {Why}", store.Id,
                    e.Message);
            }
        }

        if (report.Full && report.PlacementTerm == _term)
        {
            _changed.UnionWith(_regions.Forget(store.Id, named));
            store.ReportedInFull = true;
        }
    }

    private void Answer(StoreEntry store, StoreReport report)
    {
        var orders = new PlacementOrders
        {
            PlacementTerm = _term,
            ReportAll = !store.ReportedInFull,
            ReportAcknowledged = report.Sequence,
        };
        if (store.StoreListSent != _storeListNumber || report.Full)
        {
            store.StoreListSent = _storeListNumber;
            orders.Stores.AddRange(_stores.Values.Select(static entry => entry.Info));
        }

        _outbox.Send(store.Id, orders);
    }

    /// <summary>
    /// Within its lease: told something lately, or not yet given one full lease to do so since this driver took over.
    /// </summary>
    private bool IsUp(StoreEntry store) => _now.MsSince(LastSign(store)) < _options.StoreLeaseMs;

    private Instant LastSign(StoreEntry store) => store.Reported ? store.LastReport : _tookOver;

    private bool CheckComplete()
    {
        if (_complete)
        {
            return true;
        }

        foreach (StoreEntry store in _stores.Values)
        {
            if (!store.ReportedInFull && IsUp(store))
            {
                return false;
            }
        }

        _complete = true;
        _log.LogInformation(
            "the picture is complete, {Regions} regions on {Stores} stores", _regions.Count, _stores.Count);
        return true;
    }
}
