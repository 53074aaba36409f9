using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;

namespace Kv.Store.Raft;

/// <summary>
/// What placement hears from this store and what it asks of it. Placement is a hint: nothing on the data path waits for
/// it, and every order names the epoch it was made for (System region law).
/// </summary>
internal sealed partial class RaftLoop
{
    private const int ReportSoonMs = 100;
    private const int ReportAllMs = 15_000;
    private const int RegionsPerReportMax = 4_096;

    private readonly List<StorePeer> _reported = [];
    private SystemLeader _reportedTo = SystemLeader.Unknown;
    private Instant _reportAt;
    private Instant _reportAllAt;
    private ulong _reportSequence;
    private Term _systemTerm = Term.Zero;
    private bool _stopping;

    private void TickReports()
    {
        LearnOwnSystemLeader();
        SystemLeader leader = _stores.SystemLeader;
        if (leader != _reportedTo)
        {
            _reportedTo = leader;
            _reportAllAt = Instant.Zero;
            _reportAt = Instant.Zero;
            _context.SystemListener?.OnLeaderHint(_stores.Find(leader.Store));
        }

        if (leader.Store.IsNone || _now.MsSince(_reportAt) < (AnyDirty() ? ReportSoonMs : _options.ReportIntervalMs))
        {
            return;
        }

        _reportAt = _now;
        bool full = _now.MsSince(_reportAllAt) >= ReportAllMs;
        if (full)
        {
            _reportAllAt = _now;
        }

        SendReport(leader, full);
    }

    private void LearnOwnSystemLeader()
    {
        if (FindPeer(RegionId.System) is { } system && !system.Handle.Leader.Store.IsNone)
        {
            _stores.LearnSystemLeader(system.Handle.Leader.Store, system.Handle.Leader.Term.Value);
        }
    }

    private bool AnyDirty()
    {
        foreach (StorePeer peer in _awake)
        {
            if (peer.ReportDirty)
            {
                return true;
            }
        }

        return false;
    }

    private void SendReport(SystemLeader leader, bool full)
    {
        var report = new StoreReport
        {
            StoreId = _context.Self.Id,
            Incarnation = _context.Self.Incarnation,
            Info = _context.Self,
            LogBytes = (ulong)_context.Log.SizeBytes,
            FreeBytes = (ulong)(_context.FreeBytes?.Invoke() ?? 0),
            PeerCount = (uint)_peers.Count,
            Full = full && _peers.Count <= RegionsPerReportMax,
            Sequence = ++_reportSequence,
            PlacementTerm = leader.Term,
            Stopping = _stopping,
        };
        foreach (StorePeer peer in _peers.Values)
        {
            if (peer.Core.IsLeader)
            {
                report.LeaderCount++;
            }

            report.DataBytes += peer.Handle.EstimatedBytes;

            if ((full || peer.ReportDirty) && report.Regions.Count < RegionsPerReportMax)
            {
                // Dirty until it is told once; a lost report is mended by the next full one.
                peer.ReportDirty = false;
                report.Regions.Add(ReportOf(peer));
            }
        }

        if (leader.Store == _context.Id)
        {
            _context.SystemListener?.OnReport(report);
        }
        else
        {
            EnvelopeTo(leader.Store, Lane.Control).Report = report;
        }
    }

    private static RegionReport ReportOf(StorePeer peer) => new()
    {
        Region = peer.Handle.Descriptor.ToMessage(),
        LeaderPeerId = peer.Handle.Leader.Peer.Value,
        Term = peer.Core.Term.Value,
        Asleep = peer.Sleep == SleepPhase.Asleep,
        Committed = peer.Core.Committed.Value,
        Applied = peer.Handle.Applied.Value,
        Leads = peer.Core.IsLeader,
        Bytes = peer.Handle.EstimatedBytes,
    };

    private void OnReport(StoreId from, StoreReport report)
    {
        if (report.StoreId == from.Value)
        {
            _context.SystemListener?.OnReport(report);
        }
    }

    private void OnOrders(StoreId from, PlacementOrders orders)
    {
        // Only the newest placement this store knows of is obeyed; what an older one still sends is void.
        if (orders.PlacementTerm < _stores.SystemLeader.Term)
        {
            return;
        }

        _stores.LearnSystemLeader(from, orders.PlacementTerm);
        foreach (StoreInfo store in orders.Stores)
        {
            _stores.Learn(store);
        }

        if (orders.ReportAll)
        {
            _reportAllAt = Instant.Zero;
            _reportAt = Instant.Zero;
        }

        foreach (TransferOrder transfer in orders.Transfers)
        {
            OnTransferOrder(transfer);
        }
    }

    private void OnTransferOrder(TransferOrder order)
    {
        if (FindPeer(new RegionId(order.RegionId)) is not { } peer
            || !peer.Core.IsLeader
            || order.Epoch is not { } epoch
            || epoch.ConfVersion != peer.Handle.Descriptor.Epoch.ConfVersion
            || epoch.Version != peer.Handle.Descriptor.Epoch.Version)
        {
            return;
        }

        StoreLog.LeaderTransfer(_context.Logger, order.RegionId, order.ToPeerId, order.Reason);
        WakePeer(peer);
        peer.Core.TransferLeadership(new PeerId(order.ToPeerId), _now);
        Touch(peer);
    }

    /// <summary>Sends orders on behalf of placement, which runs beside this store.</summary>
    public void SendOrders(StoreId store, PlacementOrders orders)
    {
        if (store == _context.Id)
        {
            OnOrders(store, orders);
        }
        else
        {
            StoreEnvelope envelope = EnvelopeTo(store, Lane.Control);
            if (envelope.Orders is { } earlier && earlier.PlacementTerm == orders.PlacementTerm)
            {
                // Placement gives one order at a time; all of one turn travel in one envelope.
                earlier.MergeFrom(orders);
            }
            else
            {
                envelope.Orders = orders;
            }
        }
    }
}
