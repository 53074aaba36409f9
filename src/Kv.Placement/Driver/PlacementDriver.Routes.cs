using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Placement.Driver;

public sealed partial class PlacementDriver
{
    private readonly SortedSet<RegionId> _changed = [];
    private readonly SortedDictionary<long, RouteWatch> _watches = [];
    private bool _storesChanged;

    // Written by callers of Watch, atomically.
    private long _watchCount;

    /// <summary>Answers where regions are. Every failure is in the response's region_error.</summary>
    public void Submit(RoutesRequest request, Action<RoutesResponse> done)
    {
        if (!_mailbox.TryPost(() => done(Routes(request))))
        {
            done(Busy());
        }
    }

    /// <summary>
    /// Sends the routes now, in as many responses as needed, then every change, until <see cref="Unwatch"/> is called,
    /// the sink answers false (its receiver is too slow or gone), or a response carries an error. The sink is called
    /// from the pump and must not block.
    /// </summary>
    public long Watch(RoutesRequest request, Func<RoutesResponse, bool> sink)
    {
        long id = Interlocked.Increment(ref _watchCount);
        if (!_mailbox.TryPost(() => StartWatch(new RouteWatch(id, request, sink))))
        {
            sink(Busy());
        }

        return id;
    }

    /// <summary>Ends a watch. Nothing happens when it has ended already.</summary>
    public void Unwatch(long id) => _mailbox.Post(() => _watches.Remove(id));

    /// <summary>Everything known, for administration; null when this store does not run placement.</summary>
    public void Query(Action<PlacementSnapshot?> done)
    {
        if (!_mailbox.TryPost(() => done(_phase == Phase.Leading ? Snapshot() : null)))
        {
            done(null);
        }
    }

    private static RoutesResponse Busy() => Fail(
        "placement has too many requests waiting",
        error => error.ServerIsBusy = new ServerIsBusy { Reason = "placement mailbox", RetryAfterMs = 100 });

    private static RoutesResponse Fail(string message, Action<RegionError> kind)
    {
        var error = new RegionError { Message = message };
        kind(error);
        return new RoutesResponse { RegionError = error };
    }

    private RoutesResponse NotReady(string message)
    {
        RoutesResponse response = Fail(message, static error => error.NotReady = new NotReady());
        response.ClusterId = _cluster.ClusterId;
        return response;
    }

    private RoutesResponse NotLeading() => Fail(
        "placement runs on another store",
        error => error.NotPlacementLeader = new NotPlacementLeader { LeaderStore = _leaderHint });

    private RoutesResponse Routes(RoutesRequest request)
    {
        switch (_phase)
        {
            case Phase.Idle:
                return NotLeading();
            case Phase.Loading:
                return NotReady("placement is starting");
        }

        if (!request.EndKey.IsEmpty && request.StartKey.Span.SequenceCompareTo(request.EndKey.Span) > 0)
        {
            return Fail(
                "start_key lies after end_key",
                static error => error.InvalidRequest = new InvalidRequest { Field = "start_key" });
        }

        var response = new RoutesResponse { ClusterId = _cluster.ClusterId };
        response.Stores.AddRange(_stores.Values.Select(static store => store.Info));
        if (request.StoresOnly)
        {
            return response;
        }

        return request.RegionId != 0 ? RouteById(new RegionId(request.RegionId), response)
            : RoutesByKey(request, response);
    }

    private RoutesResponse RouteById(RegionId id, RoutesResponse response)
    {
        RegionEntry? region = _regions.Find(id);
        if (region is not null)
        {
            response.Routes.Add(Route(region));
            return response;
        }

        return CheckComplete()
            ? Fail($"no live store holds region {id}", error =>
                error.RegionNotFound = new RegionNotFound { RegionId = id.Value })
            : NotReady($"region {id} is not yet known");
    }

    private RoutesResponse RoutesByKey(RoutesRequest request, RoutesResponse response)
    {
        int limit = request.Limit == 0 || request.Limit > _options.RoutesPerAnswerMax
            ? _options.RoutesPerAnswerMax
            : (int)request.Limit;
        byte[] at = KeySpace.ToInternal(request.StartKey.Span);
        byte[] end = KeySpace.EndToInternal(request.EndKey.Span);
        do
        {
            if (response.Routes.Count == limit || _regions.Containing(at) is not RegionEntry region)
            {
                break;
            }

            response.Routes.Add(Route(region));
            at = region.Descriptor.End;
        }
        while (at.AsSpan().SequenceCompareTo(end) < 0);

        response.More = at.AsSpan().SequenceCompareTo(end) < 0;
        if (response.Routes.Count == 0)
        {
            return NotReady(CheckComplete()
                ? "no live store has told of a region that holds this key"
                : "the region of this key is not yet known");
        }

        return response;
    }

    private static RegionRoute Route(RegionEntry region) => new()
    {
        Region = region.Descriptor.ToUserMessage(),
        LeaderPeerId = region.Leader.Value,
        Term = region.Term,
    };

    private void StartWatch(RouteWatch watch)
    {
        if (_phase == Phase.Idle)
        {
            watch.Sink(NotLeading());
            return;
        }

        if (_watches.Count >= _options.WatchersMax)
        {
            watch.Sink(Fail(
                "too many watchers of routes",
                static error => error.ServerIsBusy = new ServerIsBusy { Reason = "watchers", RetryAfterMs = 1_000 }));
            return;
        }

        // While the state is being read there is nothing to send; everything then comes as changes.
        if (_phase == Phase.Loading || PushKnown(watch))
        {
            _watches.Add(watch.Id, watch);
        }
    }

    private bool PushKnown(RouteWatch watch)
    {
        RoutesResponse page = ChangePage(withStores: true);
        foreach (RegionEntry region in _regions.ByStart)
        {
            if (!Wants(watch.Request, region))
            {
                continue;
            }

            if (page.Routes.Count == _options.RoutesPerAnswerMax)
            {
                page.More = true;
                if (!watch.Sink(page))
                {
                    return false;
                }

                page = ChangePage(withStores: false);
            }

            page.Routes.Add(Route(region));
        }

        return watch.Sink(page);
    }

    private RoutesResponse ChangePage(bool withStores)
    {
        var page = new RoutesResponse { ClusterId = _cluster.ClusterId };
        if (withStores)
        {
            page.Stores.AddRange(_stores.Values.Select(static store => store.Info));
        }

        return page;
    }

    private static bool Wants(RoutesRequest request, RegionEntry region)
    {
        RegionDescriptor descriptor = region.Descriptor;
        if (request.RegionId != 0)
        {
            return descriptor.Id.Value == request.RegionId;
        }

        return !request.StoresOnly
            && !descriptor.IsSystem
            && descriptor.Start.AsSpan().SequenceCompareTo(KeySpace.EndToInternal(request.EndKey.Span)) < 0
            && KeySpace.ToInternal(request.StartKey.Span).AsSpan().SequenceCompareTo(descriptor.End) < 0;
    }

    private void PushChanges()
    {
        if (_changed.Count == 0 && !_storesChanged)
        {
            return;
        }

        foreach (RouteWatch watch in _watches.Values.ToArray())
        {
            RoutesResponse page = ChangePage(_storesChanged);
            foreach (RegionId id in _changed)
            {
                if (_regions.Find(id) is RegionEntry region && Wants(watch.Request, region))
                {
                    page.Routes.Add(Route(region));
                }
            }

            if ((page.Routes.Count > 0 || _storesChanged) && !watch.Sink(page))
            {
                _watches.Remove(watch.Id);
            }
        }

        _changed.Clear();
        _storesChanged = false;
    }

    private void EndWatches()
    {
        foreach (RouteWatch watch in _watches.Values)
        {
            watch.Sink(NotLeading());
        }

        _watches.Clear();
        _changed.Clear();
        _storesChanged = false;
    }

    private PlacementSnapshot Snapshot()
    {
        var peers = new Dictionary<StoreId, (uint Leaders, uint Peers)>();
        var regions = new List<RegionStatus>(_regions.Count);
        foreach (RegionEntry region in _regions.ByStart)
        {
            regions.Add(Status(region));
            foreach (PeerDescriptor peer in region.Descriptor.Peers)
            {
                (uint leaders, uint count) = peers.GetValueOrDefault(peer.Store);
                peers[peer.Store] = (leaders + (peer.Id == region.Leader ? 1u : 0u), count + 1);
            }
        }

        var stores = new List<StoreStatus>(_stores.Count);
        foreach (StoreEntry store in _stores.Values)
        {
            (uint leaders, uint count) = peers.GetValueOrDefault(store.Id);
            stores.Add(new StoreStatus
            {
                Store = store.Info,
                State = !store.Reported && IsUp(store) ? StoreState.Unknown
                    : IsUp(store) ? StoreState.Up
                    : StoreState.Silent,
                LeaderCount = leaders,
                PeerCount = count,
                LastHeartbeatMsAgo = (ulong)Math.Max(0, _now.MsSince(LastSign(store))),
                DataBytes = store.Load?.DataBytes ?? 0,
                LogBytes = store.Load?.LogBytes ?? 0,
                FreeBytes = store.Load?.FreeBytes ?? 0,
            });
        }

        var cluster = new ClusterId(_cluster.ClusterId);
        return new PlacementSnapshot(cluster, _term, CheckComplete(), stores, regions, [.. _history]);
    }

    private static RegionStatus Status(RegionEntry region) => new()
    {
        Region = region.Descriptor.ToUserMessage(),
        LeaderPeerId = region.Leader.Value,
        LeaderStoreId = region.LeaderStore.Value,
        Term = region.Term,
        Bytes = region.Bytes,
        Keys = region.Keys,
        System = region.Descriptor.IsSystem,
        Asleep = region.Asleep,
        Committed = region.Committed,
        Applied = region.Applied,
    };
}
