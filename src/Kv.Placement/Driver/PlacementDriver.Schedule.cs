using Kv.Base;
using Kv.Placement.Balance;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;

namespace Kv.Placement.Driver;

public sealed partial class PlacementDriver
{
    private readonly SortedDictionary<RegionId, Operator> _operators = [];
    private readonly Dictionary<RegionId, Instant> _restingUntil = [];
    private Instant _scheduleDue = Instant.Never;

    // Only names an operator in logs and on stores; a leader's own count is enough, so it starts anew in each term.
    private ulong _operatorCount;

    /// <summary>
    /// Moves a region's leader because someone asked for it. <paramref name="done"/> gets the result when the move was
    /// seen, was refused, or has timed out.
    /// </summary>
    public void TransferLeader(RegionId region, StoreId to, Action<TransferResult> done)
    {
        if (!_mailbox.TryPost(() => StartAskedTransfer(region, to, done)))
        {
            done(new TransferResult("placement is busy, try again", default, 0));
        }
    }

    private bool MaybeSchedule()
    {
        if (_now < _scheduleDue)
        {
            return false;
        }

        _scheduleDue = _now.PlusMs(_options.ScheduleIntervalMs);
        ExpireOperators();
        if (!CheckComplete())
        {
            return true;
        }

        int room = Math.Min(_options.TransfersPerRoundMax, _options.TransfersOpenMax - _operators.Count);
        if (room > 0 && !LeadersAreEven())
        {
            foreach (LeaderTransfer transfer in LeaderBalance.Decide(View(), room))
            {
                Start(transfer, done: null);
            }
        }

        return true;
    }

    /// <summary>
    /// Whether leader counts leave nothing to move, so that a quiet cluster of many regions draws no picture of itself.
    /// </summary>
    private bool LeadersAreEven()
    {
        if (_operators.Count > 0)
        {
            return false;
        }

        var counts = new Dictionary<StoreId, int>(_stores.Count);
        foreach (StoreEntry store in _stores.Values)
        {
            if (store.Stopping)
            {
                return false;
            }

            if (store.Reported && IsUp(store))
            {
                counts[store.Id] = 0;
            }
        }

        foreach (RegionEntry region in _regions.All)
        {
            if (counts.TryGetValue(region.LeaderStore, out int count))
            {
                counts[region.LeaderStore] = count + 1;
            }
        }

        return counts.Count == 0 || counts.Values.Max() - counts.Values.Min() <= 1;
    }

    private ClusterView View()
    {
        var stores = new List<StoreView>(_stores.Count);
        foreach (StoreEntry store in _stores.Values)
        {
            stores.Add(new StoreView(store.Id, store.Reported && IsUp(store), store.Stopping));
        }

        var regions = new List<RegionView>(_regions.Count);
        foreach (RegionEntry region in _regions.All)
        {
            if (!region.LeaderStore.IsNone)
            {
                regions.Add(View(region));
            }
        }

        return new ClusterView(stores, regions);
    }

    private RegionView View(RegionEntry region)
    {
        RegionDescriptor descriptor = region.Descriptor;
        var peers = new List<PeerView>(descriptor.Peers.Count);
        foreach (PeerDescriptor peer in descriptor.Peers)
        {
            bool upToDate = region.AppliedByStore.TryGetValue(peer.Store, out ulong applied)
                && applied + _options.LagEntriesMax >= region.Committed;
            peers.Add(new PeerView(peer.Id, peer.Store, peer.Role == Protocol.V1.PeerRole.Voter, upToDate));
        }

        StoreId movingTo = _operators.TryGetValue(descriptor.Id, out Operator? open) ? open.Transfer.To : default;
        bool resting = _restingUntil.TryGetValue(descriptor.Id, out Instant until) && _now < until;
        return new RegionView(descriptor.Id, descriptor.Epoch, region.Leader, movingTo, resting, peers);
    }

    private void StartAskedTransfer(RegionId id, StoreId to, Action<TransferResult> done)
    {
        RegionEntry? region = _phase == Phase.Leading ? _regions.Find(id) : null;
        if (region is null)
        {
            done(new TransferResult($"region {id} is not known to placement", default, 0));
            return;
        }

        PeerDescriptor? target = region.Descriptor.PeerOn(to);
        string? refusal =
            target is null ? $"region {id} has no peer on store {to}"
            : target.Value.Role != Protocol.V1.PeerRole.Voter ? $"the peer of region {id} on store {to} is no voter"
            : region.LeaderStore.IsNone ? $"region {id} has no known leader"
            : _operators.ContainsKey(id) ? $"region {id} is being moved already"
            : !_stores.TryGetValue(to, out StoreEntry? store) || !store.Reported || !IsUp(store)
                ? $"store {to} is silent"
            : store.Stopping ? $"store {to} is stopping"
            : null;
        if (refusal is not null || region.LeaderStore == to)
        {
            done(new TransferResult(refusal, region.LeaderStore, region.Term));
            return;
        }

        var transfer = new LeaderTransfer(
            id, region.Descriptor.Epoch, region.LeaderStore, to, target!.Value.Id, "asked for by an administrator");
        Start(transfer, done);
    }

    private void Start(LeaderTransfer transfer, Action<TransferResult>? done)
    {
        var started = new Operator(++_operatorCount, transfer, _now.PlusMs(_options.OperatorTimeoutMs), done);
        _operators.Add(transfer.Region, started);
        Record($"operator {started.Id}: region {transfer.Region} leader from store {transfer.From} to store "
            + $"{transfer.To}, "
            + $"because {transfer.Reason}");
        var orders = new PlacementOrders { PlacementTerm = _term };
        orders.Transfers.Add(new TransferOrder
        {
            OperatorId = started.Id,
            RegionId = transfer.Region.Value,
            Epoch = new Protocol.V1.RegionEpoch
            {
                ConfVersion = transfer.Epoch.ConfVersion,
                Version = transfer.Epoch.Version,
            },
            ToPeerId = transfer.ToPeer.Value,
            Reason = transfer.Reason,
        });
        _outbox.Send(transfer.From, orders);
    }

    /// <summary>Called when what is known of a region changed: its open operator may have ended by it.</summary>
    private void FinishOperators(RegionId id)
    {
        if (!_operators.TryGetValue(id, out Operator? open))
        {
            return;
        }

        RegionEntry? region = _regions.Find(id);
        if (region is not null && region.Leader == open.Transfer.ToPeer)
        {
            End(open, failure: null);
        }
        else if (region is null || region.Descriptor.Epoch != open.Transfer.Epoch)
        {
            End(open, "the region changed meanwhile");
        }
        else if (!region.Leader.IsNone && region.LeaderStore != open.Transfer.From)
        {
            End(open, $"store {region.LeaderStore} leads it now");
        }
    }

    private void ExpireOperators()
    {
        List<Operator>? expired = null;
        foreach (Operator open in _operators.Values)
        {
            if (_now >= open.Deadline)
            {
                (expired ??= []).Add(open);
            }
        }

        foreach (Operator open in expired ?? [])
        {
            _restingUntil[open.Transfer.Region] = _now.PlusMs(_options.OperatorRestMs);
            End(open, $"not done within {_options.OperatorTimeoutMs} ms");
        }

        foreach ((RegionId region, Instant until) in _restingUntil)
        {
            if (_now >= until)
            {
                _restingUntil.Remove(region);
            }
        }
    }

    private void End(Operator open, string? failure)
    {
        _operators.Remove(open.Transfer.Region);
        Record($"operator {open.Id}: {failure ?? "done"}");
        RegionEntry? region = _regions.Find(open.Transfer.Region);
        string? refusal = failure is null ? null : $"region {open.Transfer.Region} was not moved: {failure}";
        open.Done?.Invoke(new TransferResult(refusal, region?.LeaderStore ?? default, region?.Term ?? 0));
    }

    private void DropOperators(string why)
    {
        foreach (Operator open in _operators.Values.ToArray())
        {
            End(open, why);
        }

        _restingUntil.Clear();
        _scheduleDue = Instant.Never;
    }
}
