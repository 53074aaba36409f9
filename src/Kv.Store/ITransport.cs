using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>
/// The network between stores. Messages may be lost, delayed, doubled and reordered between lanes; raft resends. Real:
/// one gRPC stream per pair, direction and lane (Wire law). Simulated: a seeded queue.
/// </summary>
public interface ITransport
{
    /// <summary>
    /// Sends or drops: false when the lane's bounded queue is full or the address is not known. Never waits. The
    /// envelope is the transport's from here on. Safe from any thread.
    /// </summary>
    bool TrySend(StoreId to, Lane lane, StoreEnvelope envelope);

    /// <summary>Tells where a store is. The newest incarnation wins; an older one is ignored.</summary>
    void SetStore(StoreInfo store);
}

/// <summary>
/// Where a transport delivers. Called from any thread; a false answer means dropped (a bound was reached).
/// </summary>
public interface IEnvelopeReceiver
{
    bool OnEnvelope(StoreId from, Incarnation incarnation, StoreEnvelope envelope);
}
