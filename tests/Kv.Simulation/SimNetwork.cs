// Owns the network between stores and clients, link by link: what is cut, clogged, lost, doubled, kept back, replayed,
// damaged or refused. Without faults a message takes half a millisecond or so.
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Simulation.Faults;
using Kv.Store;

namespace Kv.Simulation;

public sealed class SimNetwork
{
    private const int ReplayMsMax = 8_000;
    private const int ReorderMsMax = 5;

    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly FaultLog _faults;
    private readonly SimOptions _options;
    private readonly int _endpoints;
    private readonly int[] _cut;
    private readonly Instant[] _cloggedUntil;
    private readonly string[] _names;
    private readonly SortedDictionary<ulong, SimStore> _stores = [];
    private readonly Dictionary<string, SimStore> _byAddress = new(StringComparer.Ordinal);

    public SimNetwork(EventQueue events, DeterministicRandom random, FaultLog faults, SimOptions options)
    {
        _events = events;
        _random = random;
        _faults = faults;
        _options = options;
        _endpoints = options.Stores + options.Load.Clients;
        _cut = new int[_endpoints * _endpoints];
        _cloggedUntil = new Instant[_endpoints * _endpoints];
        _names = new string[_endpoints * _endpoints];
        for (int from = 0; from < _endpoints; from++)
        {
            for (int to = 0; to < _endpoints; to++)
            {
                _names[(from * _endpoints) + to] = $"{NameOf(from)}>{NameOf(to)}";
            }
        }
    }

    public long Sent { get; private set; }

    public long Lost { get; private set; }

    /// <summary>Endpoint of a store, by its place: 0 is store 1.</summary>
    public static int EndpointOf(StoreId store) => (int)store.Value - 1;

    public int EndpointOfClient(int client) => _options.Stores + client;

    public void Attach(SimStore store)
    {
        _stores[store.Id.Value] = store;
        _byAddress[store.Info.ClientAddress] = store;
    }

    public SimStore? Find(string clientAddress) => _byAddress.GetValueOrDefault(clientAddress);

    /// <summary>Faults may still strike.</summary>
    public bool IsDisturbed => _faults.Active;

    /// <summary>A store drawn from all; <paramref name="whenDown"/> if it is down.</summary>
    public SimStore AnyStore(DeterministicRandom random, SimStore whenDown)
    {
        SimStore drawn = _stores[(ulong)(1 + random.Next(_stores.Count))];
        return drawn.IsUp ? drawn : whenDown;
    }

    public ITransport TransportOf(SimStore store) => new Transport(this, store);

    /// <summary>Cuts or heals one direction of a link; cuts add up.</summary>
    public void Cut(int from, int to, bool cut) => _cut[(from * _endpoints) + to] += cut ? 1 : -1;

    /// <summary>Everything sent on the link until then arrives after then.</summary>
    public void Clog(int from, int to, Instant until)
    {
        ref Instant clogged = ref _cloggedUntil[(from * _endpoints) + to];
        clogged = Instant.Later(clogged, until);
    }

    public void HealAll()
    {
        Array.Clear(_cut);
        Array.Clear(_cloggedUntil);
    }

    public bool IsCut(int from, int to) => _cut[(from * _endpoints) + to] > 0;

    /// <summary>
    /// A message between a client and a store. Lost means that its connection broke: real ones lose no single message.
    /// </summary>
    public void ClientMessage(int from, int to, bool isReply, Action deliver, Action lost)
    {
        Sent++;
        string name = _names[(from * _endpoints) + to];
        if (IsCut(from, to))
        {
            // Half of the time nobody is told: the link is a black hole.
            Lost++;
            if (_random.Chance(0.5))
            {
                _events.After(Delay(from, to), name, lost);
            }

            return;
        }

        if (_faults.Strikes(FaultKind.ConnectionReset, _options.Rates.Reset)
            || (isReply && _faults.Strikes(FaultKind.ReplyLost, _options.Rates.ReplyLost)))
        {
            Lost++;
            _events.After(Delay(from, to), name, lost);
            return;
        }

        _events.After(Delay(from, to), name, deliver);
    }

    private string NameOf(int endpoint) =>
        endpoint < _options.Stores ? $"s{endpoint + 1}" : $"c{endpoint - _options.Stores}";

    private bool Send(SimStore from, StoreId to, StoreEnvelope envelope)
    {
        Sent++;
        int source = EndpointOf(from.Id);
        int target = EndpointOf(to);
        if (_faults.Strikes(FaultKind.SendRefused, _options.Rates.Refused))
        {
            Lost++;
            return false;
        }

        from.NoteSent(_stores[to.Value], envelope);
        if (IsCut(source, target) || _faults.Strikes(FaultKind.MessageLoss, _options.Rates.Loss))
        {
            Lost++;
            return true;
        }

        // Through bytes, as on the wire: nothing is shared between stores, and what does not survive encoding shows.
        byte[] bytes = Damage(envelope).ToByteArray();
        var incarnation = new Incarnation(from.Info.Incarnation);
        string name = _names[(source * _endpoints) + target];
        Deliver(to, from.Id, incarnation, bytes, name, Delay(source, target));
        if (_faults.Strikes(FaultKind.MessageDuplicate, _options.Rates.Duplicate))
        {
            Deliver(to, from.Id, incarnation, bytes, name, Delay(source, target));
        }

        if (_faults.Strikes(FaultKind.MessageReplay, _options.Rates.Replay))
        {
            long later = 1_000_000L * _faults.RandomOf(FaultKind.MessageReplay).Next(100, ReplayMsMax);
            Deliver(to, from.Id, incarnation, bytes, name, later);
        }

        return true;
    }

    /// <summary>Flips a bit in the payload of an entry: what the entry's own CRC must catch (Bytes law).</summary>
    private StoreEnvelope Damage(StoreEnvelope envelope)
    {
        bool any = false;
        foreach (RaftMessage message in envelope.Messages)
        {
            any |= message.Entries.Count > 0 && message.Entries[^1].Data.Length > 0;
        }

        if (!any || !_faults.Strikes(FaultKind.PayloadCorrupt, _options.Rates.Corrupt))
        {
            return envelope;
        }

        DeterministicRandom random = _faults.RandomOf(FaultKind.PayloadCorrupt);
        StoreEnvelope damaged = envelope.Clone();
        foreach (RaftMessage message in damaged.Messages)
        {
            if (message.Entries.Count > 0 && message.Entries[^1].Data.Length > 0)
            {
                byte[] data = message.Entries[^1].Data.ToByteArray();
                data[random.Next(data.Length)] ^= (byte)(1 << random.Next(8));
                message.Entries[^1].Data = ByteString.CopyFrom(data);
                return damaged;
            }
        }

        throw Invariant.Unreachable(any);
    }

    private void Deliver(
        StoreId to, StoreId from, Incarnation incarnation, byte[] bytes, string name, long delay) =>
        _events.After(delay, name, () =>
        {
            _events.Mix(Crc32C.Compute(bytes));
            if (_stores.TryGetValue(to.Value, out SimStore? target))
            {
                target.Receive(from, incarnation, StoreEnvelope.Parser.ParseFrom(bytes));
            }
        });

    private long Delay(int from, int to)
    {
        long delay = (_options.NetworkDelayMs * 1_000_000L) + 50_000 + _random.Next(500_000);
        if (_faults.Strikes(FaultKind.MessageDelay, _options.Rates.Delay))
        {
            delay += 1_000_000L * _faults.RandomOf(FaultKind.MessageDelay).Next(1, _options.Rates.DelayMsMax);
        }

        if (_faults.Strikes(FaultKind.MessageReorder, _options.Rates.Reorder))
        {
            delay += 1_000_000L * _faults.RandomOf(FaultKind.MessageReorder).Next(1, ReorderMsMax);
        }

        Instant clogged = _cloggedUntil[(from * _endpoints) + to];
        return clogged > _events.Now ? delay + clogged.Nanoseconds - _events.Now.Nanoseconds : delay;
    }

    private sealed class Transport(SimNetwork network, SimStore store) : ITransport
    {
        public bool TrySend(StoreId to, Lane lane, StoreEnvelope envelope) => network.Send(store, to, envelope);

        public void SetStore(StoreInfo info)
        {
        }
    }
}
