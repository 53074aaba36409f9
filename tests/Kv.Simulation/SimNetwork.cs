// Owns the network between stores and clients: every message is delayed by a draw, some are lost, some come twice.
// Messages of one link and lane may overtake each other only where a real network would reorder them: between lanes,
// and after a loss.
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Store;

namespace Kv.Simulation;

public sealed class SimNetwork(EventQueue events, DeterministicRandom random, SimOptions options)
{
    private readonly Dictionary<StoreId, SimStore> _stores = [];

    /// <summary>Faults are drawn while true; the healed phase sets it false.</summary>
    public bool Faulty { get; set; } = true;

    public long Sent { get; private set; }

    public long Lost { get; private set; }

    public void Attach(SimStore store) => _stores[store.Id] = store;

    public SimStore? Find(string clientAddress) =>
        _stores.Values.FirstOrDefault(store => store.Info.ClientAddress == clientAddress);

    public ITransport TransportOf(SimStore store) => new Transport(this, store);

    /// <summary>A message between a client and a store: lost or delivered after a delay.</summary>
    public void ClientMessage(string name, Action deliver, Action lost)
    {
        Sent++;
        if (Faulty && random.Chance(options.Loss))
        {
            Lost++;
            events.After(Delay(), name + "-lost", lost);
            return;
        }

        events.After(Delay(), name, deliver);
    }

    private void Send(SimStore from, StoreId to, Lane lane, StoreEnvelope envelope)
    {
        Sent++;
        from.NoteSent(envelope);
        if (Faulty && random.Chance(options.Loss))
        {
            Lost++;
            return;
        }

        // Through bytes, as on the wire: nothing is shared between stores, and what does not survive encoding shows.
        byte[] bytes = envelope.ToByteArray();
        var incarnation = new Incarnation(from.Info.Incarnation);
        string name = $"{from.Id}>{to}/{(int)lane}";
        Deliver(to, from.Id, incarnation, bytes, name);
        if (Faulty && random.Chance(options.Duplicate))
        {
            Deliver(to, from.Id, incarnation, bytes, name);
        }
    }

    private void Deliver(StoreId to, StoreId from, Incarnation incarnation, byte[] bytes, string name) =>
        events.After(Delay(), name, () =>
        {
            events.Mix(Crc32C.Compute(bytes));
            if (_stores.TryGetValue(to, out SimStore? target))
            {
                target.Receive(from, incarnation, StoreEnvelope.Parser.ParseFrom(bytes));
            }
        });

    private long Delay() => (options.NetworkDelayMs * 1_000_000L) + 50_000 + random.Next(500_000)
        + (Faulty && random.Chance(0.01) ? random.Next(50_000_000) : 0);

    private sealed class Transport(SimNetwork network, SimStore store) : ITransport
    {
        public bool TrySend(StoreId to, Lane lane, StoreEnvelope envelope)
        {
            network.Send(store, to, lane, envelope);
            return true;
        }

        public void SetStore(StoreInfo info)
        {
        }
    }
}
