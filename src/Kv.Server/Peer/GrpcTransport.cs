// Owns the sending side to all stores: one link per known store, each with a connection per lane (Wire law). A newer
// incarnation or another address of a store replaces its link.
using System.Collections.Concurrent;
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Store;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Peer;

internal sealed class GrpcTransport(StoreIdentity identity, ILogger log) : ITransport, IAsyncDisposable
{
    private static readonly Lane[] Lanes = [Lane.Control, Lane.Append, Lane.Snapshot];

    private readonly ConcurrentDictionary<StoreId, Link> _links = new();
    private readonly Lock _lock = new();
    private readonly List<Task> _closing = [];
    private bool _disposed;

    public bool TrySend(StoreId to, Lane lane, StoreEnvelope envelope) =>
        _links.TryGetValue(to, out Link? link) && link.Lanes[(int)lane].TrySend(envelope);

    public void SetStore(StoreInfo store)
    {
        if (store.Id == identity.Self.Id || Placement.PeerAddress.Normalise(store.PeerAddress) is null)
        {
            return;
        }

        lock (_lock)
        {
            var id = new StoreId(store.Id);
            if (_disposed
                || (_links.TryGetValue(id, out Link? known)
                    && (known.Store.Incarnation > store.Incarnation || known.Store.PeerAddress == store.PeerAddress)))
            {
                // The same address in a newer life needs no new link: the broken stream is opened again by itself.
                return;
            }

            _links[id] = new Link(store, [.. Lanes.Select(lane => new PeerLane(identity, store, lane, log))]);
            if (known is not null)
            {
                _closing.RemoveAll(static task => task.IsCompleted);
                _closing.Add(CloseAsync(known));
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] all;
        lock (_lock)
        {
            _disposed = true;
            _closing.AddRange(_links.Values.Select(CloseAsync));
            _links.Clear();
            all = [.. _closing];
        }

        await Task.WhenAll(all);
    }

    private static async Task CloseAsync(Link link)
    {
        foreach (PeerLane lane in link.Lanes)
        {
            await lane.DisposeAsync();
        }
    }

    private sealed record Link(StoreInfo Store, PeerLane[] Lanes);
}
