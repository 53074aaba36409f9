using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;

namespace Kv.Placement.Driver;

public sealed partial class PlacementDriver
{
    private readonly Queue<(uint Count, Action<ulong?> Done)> _idRequests = new();
    private readonly HashSet<string> _joining = new(StringComparer.Ordinal);

    /// <summary>End of the newest block proposed; a block whose outcome is not known is never used.</summary>
    private ulong _idBlockEnd;

    private ulong _idNext;
    private ulong _idsLeft;
    private bool _idBlockAsked;

    /// <summary>
    /// Gives <paramref name="count"/> ids in a row; the callback gets the first, or null when this store does not run
    /// placement.
    /// Never given twice, over all drivers of the cluster.
    /// </summary>
    public void AllocateIds(uint count, Action<ulong?> done)
    {
        Invariant.Require(count > 0 && count <= _options.IdBlockCount);
        if (!_mailbox.TryPost(() => TakeIdRequest(count, done)))
        {
            done(null);
        }
    }

    /// <summary>A store with an empty folder asks to become part of the cluster.</summary>
    public void Join(JoinRequest request, Action<JoinAnswer> done)
    {
        if (!_mailbox.TryPost(() => TakeJoin(request, done)))
        {
            done(new JoinAnswer(null, null, "placement is busy"));
        }
    }

    private void TakeIdRequest(uint count, Action<ulong?> done)
    {
        if (_phase != Phase.Leading)
        {
            done(null);
            return;
        }

        _idRequests.Enqueue((count, done));
        ServeIds();
    }

    private void ServeIds()
    {
        while (_idRequests.TryPeek(out (uint Count, Action<ulong?> Done) request))
        {
            if (_idsLeft < request.Count)
            {
                AskIdBlock();
                return;
            }

            _idRequests.Dequeue();
            ulong first = _idNext;
            _idNext += request.Count;
            _idsLeft -= request.Count;
            request.Done(first);
        }
    }

    private void AskIdBlock()
    {
        if (_idBlockAsked)
        {
            return;
        }

        _idBlockAsked = true;
        ulong term = _term;
        ulong first = _idBlockEnd;
        _idBlockEnd = checked(first + _options.IdBlockCount);
        Mutation mutation = PlacementRecords.Put(PlacementRecords.IdBlockKey, new IdBlockRecord { End = _idBlockEnd });
        _state.Propose([mutation], term, committed => _mailbox.Post(() => OnIdBlock(term, first, committed)));
    }

    private void OnIdBlock(ulong term, ulong first, bool committed)
    {
        if (_phase != Phase.Leading || term != _term)
        {
            return;
        }

        _idBlockAsked = false;
        if (committed)
        {
            _idNext = first;
            _idsLeft = _options.IdBlockCount;
            ServeIds();
            return;
        }

        while (_idRequests.TryDequeue(out (uint Count, Action<ulong?> Done) request))
        {
            request.Done(null);
        }
    }

    private void TakeJoin(JoinRequest request, Action<JoinAnswer> done)
    {
        if (_phase != Phase.Leading)
        {
            done(_leaderHint is null
                ? new JoinAnswer(null, null, "the store that runs placement is not known yet")
                : new JoinAnswer(new JoinResponse { AskInstead = _leaderHint }, null, null));
            return;
        }

        string address = PeerAddress.Normalise(request.Store?.PeerAddress ?? "") ?? "";
        if (address.Length == 0 || request.Attempt == 0)
        {
            done(new JoinAnswer(null, "a joining store must tell its peer address and its attempt", null));
            return;
        }

        foreach (StoreEntry store in _stores.Values)
        {
            if (PeerAddress.Normalise(store.Info.PeerAddress) != address
                && PeerAddress.Normalise(store.Record.Store.PeerAddress) != address)
            {
                continue;
            }

            done(store.Record.JoinAttempt == request.Attempt
                ? new JoinAnswer(Welcome(store.Id), null, null)
                : new JoinAnswer(null, RefuseLostFolder(address, store.Id), null));
            return;
        }

        if (!_joining.Add(address))
        {
            done(new JoinAnswer(null, null, $"another store is joining from address {address}"));
            return;
        }

        StoreInfo told = PlacementRecords.Lasting(request.Store!);
        TakeIdRequest(1, id => OnJoinId(id, told, request.Attempt, address, done));
    }

    private void OnJoinId(ulong? id, StoreInfo told, ulong attempt, string address, Action<JoinAnswer> done)
    {
        if (id is null)
        {
            _joining.Remove(address);
            done(new JoinAnswer(null, null, "placement could not give an id now"));
            return;
        }

        told.Id = id.Value;
        var record = new StoreRecord { Store = told, JoinAttempt = attempt };
        ulong term = _term;
        Mutation mutation = PlacementRecords.Put(PlacementRecords.StoreKey(new StoreId(id.Value)), record);
        _state.Propose([mutation], term, committed =>
            _mailbox.Post(() => OnJoined(term, record, address, committed, done)));
    }

    private void OnJoined(ulong term, StoreRecord record, string address, bool committed, Action<JoinAnswer> done)
    {
        if (_phase != Phase.Leading || term != _term)
        {
            done(new JoinAnswer(null, null, "placement moved to another store"));
            return;
        }

        _joining.Remove(address);
        if (!committed)
        {
            // It may be committed all the same: then only a fresh reading of the state would show it.
            done(new JoinAnswer(null, null, "it is not known whether the new store was recorded"));
            StepDown();
            TakeOver(term);
            return;
        }

        var entry = new StoreEntry(record);
        _stores[entry.Id] = entry;
        _storesChanged = true;
        _storeListNumber++;
        Record($"store {entry.Id} joined from {address}");
        done(new JoinAnswer(Welcome(entry.Id), null, null));
    }

    private JoinResponse Welcome(StoreId store)
    {
        var response = new JoinResponse
        {
            ClusterId = _cluster.ClusterId,
            StoreId = store.Value,
            LeaseMs = _cluster.LeaseMs,
            LeaseDriftMs = _cluster.LeaseDriftMs,
        };
        response.Stores.AddRange(_stores.Values.Select(static entry => entry.Info));
        return response;
    }

    private string RefuseLostFolder(string address, StoreId store) =>
        $"address {address} belongs to store {store} of cluster {new ClusterId(_cluster.ClusterId)}; a store "
        + $"that lost its "
        + "folder does not come back as its old self: bring the folder back, or give the new store another peer "
        + "address";

    private void DropPending()
    {
        while (_idRequests.TryDequeue(out (uint Count, Action<ulong?> Done) request))
        {
            request.Done(null);
        }

        _joining.Clear();
        _idBlockAsked = false;
        _idsLeft = 0;
        _cluster = new ClusterRecord();
        _idBlockEnd = 0;
    }
}
