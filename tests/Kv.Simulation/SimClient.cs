// Owns one simulated client: the shipped client core, and a workload that knows what every read may return. One writer
// per key with rising versions, so that lost, stale and invented values show at once.
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Client;
using Kv.Client.Core;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Simulation;

public sealed class SimClient : IClientTransport
{
    private readonly int _number;
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly SimNetwork _network;
    private readonly ClientPump _pump;
    private readonly KeyState[] _keys;
    private readonly SimOptions _options;
    private long _replies;
    private bool _stopped;

    public SimClient(
        int number, IReadOnlyList<string> seeds, SimOptions options, SimClock clock, EventQueue events,
        DeterministicRandom random, SimNetwork network)
    {
        _number = number;
        _events = events;
        _random = random;
        _network = network;
        _options = options;
        var clientOptions = new KvClientOptions { Seeds = seeds, Clock = clock };
        _pump = new ClientPump(clientOptions, random.Fork(), new SessionId(random.NextUInt64(), random.NextUInt64()));
        _pump.SetTransport(this);
        _ = new SimPump(
            _pump, events, random, $"client{number}", 20_000, e => throw new InvalidOperationException("client", e));
        _keys = new KeyState[options.KeysPerClient];
        for (int i = 0; i < _keys.Length; i++)
        {
            // Spread over the whole key space, so that every region has work.
            byte first = (byte)(i * 256 / _keys.Length);
            _keys[i] = new KeyState([first, (byte)'c', (byte)number, (byte)i]);
        }
    }

    public long Acknowledged { get; private set; }

    /// <summary>Writes begun.</summary>
    public long Begun { get; private set; }

    public long Reads { get; private set; }

    public long Undetermined { get; private set; }

    public long Failed { get; private set; }

    /// <summary>Operations begun and not ended.</summary>
    public int Open { get; private set; }

    public void Begin()
    {
        for (int i = 0; i < _keys.Length; i++)
        {
            Next(_keys[i]);
        }
    }

    /// <summary>No new operations; the open ones must end.</summary>
    public void Stop() => _stopped = true;

    /// <summary>
    /// Reads every key once more; each must show a version that was acknowledged last or was in doubt after it.
    /// </summary>
    public void VerifyAll(Action<string> mismatch)
    {
        foreach (KeyState key in _keys)
        {
            Read(key, mismatch, then: null);
        }
    }

    void IClientTransport.Send(string address, PipelineRequest message)
    {
        byte[] bytes = message.ToByteArray();
        _network.ClientMessage(
            $"client{_number}>{address}", () => Deliver(address, message, bytes), () => Lost(address));
    }

    private void Deliver(string address, PipelineRequest message, byte[] bytes)
    {
        SimStore? store = _network.Find(address);
        if (store is null || !store.IsUp)
        {
            ((IClientTransportSink)_pump).OnNotSent(address, message, "connection refused");
            return;
        }

        _events.Mix(Crc32C.Compute(bytes));
        foreach (Request request in PipelineRequest.Parser.ParseFrom(bytes).Requests)
        {
            store.Submit(request, response => Answer(address, response));
        }
    }

    private void Answer(string address, Response response)
    {
        string name = $"{address}>client{_number}";
        if (_options.DropEverySecondReply
            && response.ResultCase == Response.ResultOneofCase.Write
            && ++_replies % 2 == 0)
        {
            _events.After(100_000, name + "-dropped", () => Lost(address));
            return;
        }

        _network.ClientMessage(
            name,
            () => ((IClientTransportSink)_pump).OnResponses(address, new PipelineResponse { Responses = { response } }),
            () => Lost(address));
    }

    /// <summary>A real connection does not lose single messages: it breaks.</summary>
    private void Lost(string address) => ((IClientTransportSink)_pump).OnDisconnected(address, "connection reset");

    private void Next(KeyState key)
    {
        if (_stopped)
        {
            return;
        }

        _events.After(_random.Next(200_000_000), $"client{_number}-next", () =>
        {
            if (_stopped)
            {
                return;
            }

            if (_random.Chance(_options.WriteShare))
            {
                Write(key);
            }
            else
            {
                Read(key, message => throw new InvalidOperationException(message), then: () => Next(key));
            }
        });
    }

    private void Write(KeyState key)
    {
        long version = ++key.Version;
        bool delete = _random.Chance(_options.DeleteShare);
        if (delete)
        {
            key.Deletes.Add(version);
        }

        byte[] value = Encoding.ASCII.GetBytes(version.ToString(CultureInfo.InvariantCulture));
        WriteOperation operation = delete ? WriteOperation.Delete(key.Key) : WriteOperation.Put(key.Key, value);
        Begun++;
        Open++;
        _events.After(0, $"client{_number}-write", () => _pump.Submit(operation));
        Poll(operation, () =>
        {
            Open--;
            switch (operation.Error)
            {
                case null:
                    Acknowledged++;
                    key.Acknowledged = version;
                    break;
                case KvUndeterminedException:
                    Undetermined++;
                    break;
                default:
                    Failed++;
                    break;
            }

            _events.Mix((ulong)version);
            Next(key);
        });
    }

    private void Read(KeyState key, Action<string> mismatch, Action? then)
    {
        long acknowledgedBefore = key.Acknowledged;
        var operation = new GetOperation(key.Key, _random.Chance(0.2) ? KvReadMode.ReadIndex : KvReadMode.Lease);
        Open++;
        _events.After(0, $"client{_number}-read", () => _pump.Submit(operation));
        Poll(operation, () =>
        {
            Open--;
            if (operation.Error is null)
            {
                Reads++;
                long seen = operation.Found
                    ? long.Parse(Encoding.ASCII.GetString(operation.Value.Span), CultureInfo.InvariantCulture)
                    : key.AbsentVersion(Math.Max(acknowledgedBefore, key.Seen));
                _events.Mix((ulong)seen);
                if (seen < acknowledgedBefore || seen > key.Version || seen < key.Seen)
                {
                    mismatch(
                        $"key {Convert.ToHexString(key.Key)}: read version {seen}, acknowledged {acknowledgedBefore}, "
                        + $"seen before {key.Seen}, written {key.Version}");
                }

                key.Seen = Math.Max(key.Seen, seen);
            }
            else
            {
                Failed++;
            }

            then?.Invoke();
        });
    }

    /// <summary>
    /// Looks at virtual intervals whether an operation has ended: its completion may come inside the pump's turn.
    /// </summary>
    private void Poll(ClientOperation operation, Action ended) =>
        _events.After(1_000_000, $"client{_number}-poll", () =>
        {
            if (operation.IsCompleted)
            {
                ended();
            }
            else
            {
                Poll(operation, ended);
            }
        });

    private sealed class KeyState(byte[] key)
    {
        public byte[] Key { get; } = key;

        /// <summary>Newest version ever sent.</summary>
        public long Version { get; set; }

        public long Acknowledged { get; set; }

        /// <summary>Versions that delete the key.</summary>
        public SortedSet<long> Deletes { get; } = [];

        /// <summary>
        /// The oldest version from <paramref name="atLeast"/> on at which the key is absent; −1 = there is none.
        /// </summary>
        public long AbsentVersion(long atLeast)
        {
            if (atLeast == 0)
            {
                return 0;
            }

            foreach (long version in Deletes.GetViewBetween(atLeast, long.MaxValue))
            {
                return version;
            }

            return -1;
        }

        /// <summary>Newest version a read has returned: later reads may not go behind it.</summary>
        public long Seen { get; set; }
    }
}
