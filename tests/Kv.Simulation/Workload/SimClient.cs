// Owns one simulated client: the shipped client core, and threads that each do one operation after another on keys that
// all clients share. It writes down what it asked and what it was told; judging is for the checkers.
using Google.Protobuf;
using Kv.Base;
using Kv.Client;
using Kv.Client.Core;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Simulation.Checks;

namespace Kv.Simulation.Workload;

public sealed partial class SimClient : IClientTransport
{
    private const int PumpDelayNs = 20_000;

    private readonly int _number;
    private readonly EventQueue _events;
    private readonly DeterministicRandom _random;
    private readonly SimNetwork _network;
    private readonly HistoryBook _book;
    private readonly ClientPump _pump;
    private readonly KeySet _keys;
    private readonly LoadOptions _load;
    private readonly SortedDictionary<int, SimOperation> _writing = [];
    private readonly string _nextName;
    private long _replies;
    private bool _stopped;

    public SimClient(
        int number, IReadOnlyList<string> seeds, LoadOptions load, KeySet keys, SimClock clock, EventQueue events,
        DeterministicRandom random, SimNetwork network, HistoryBook book)
    {
        _number = number;
        _events = events;
        _random = random;
        _network = network;
        _book = book;
        _load = load;
        _keys = keys;
        _nextName = $"c{number} next";
        Session = new SessionId(random.NextUInt64(), random.NextUInt64());
        _pump = new ClientPump(new KvClientOptions { Seeds = seeds, Clock = clock }, random.Fork(), Session);
        _pump.SetTransport(this);
        _ = new SimPump(
            _pump, events, random, $"c{number}", PumpDelayNs, usesDisk: false, new SimMachine(), clock: null,
            e => throw new InvalidOperationException("client", e));
    }

    public SessionId Session { get; }

    /// <summary>Operations begun and not ended.</summary>
    public int Open { get; private set; }

    public void Begin()
    {
        for (int i = 0; i < _load.ThreadsPerClient; i++)
        {
            Next();
        }
    }

    /// <summary>No new operations; the open ones must end.</summary>
    public void Stop() => _stopped = true;

    /// <summary>Reads every key once more, and where its sequence stands.</summary>
    public void ReadAll()
    {
        for (int key = 0; key < _keys.Count; key++)
        {
            Get(key, KvReadMode.Lease, existsOnly: false);
        }
    }

    void IClientTransport.Send(string address, PipelineRequest message)
    {
        foreach (Request request in message.Requests)
        {
            if (request.Write is { } write)
            {
                NoteSequence(write);
            }
        }

        byte[] bytes = message.ToByteArray();
        int self = _network.EndpointOfClient(_number);
        SimStore store = _network.Find(address) ?? throw new InvalidOperationException($"no store at {address}");
        _network.ClientMessage(
            self, SimNetwork.EndpointOf(store.Id), isReply: false, () => Deliver(store, address, message, bytes),
            () => Lost(address));
    }

    /// <summary>Which operation a sequence belongs to: at most one of this client writes a key at a time.</summary>
    private void NoteSequence(WriteCommand write)
    {
        for (int i = 0; i < write.Mutations.Count; i++)
        {
            Mutation mutation = write.Mutations[i];
            for (int key = 0; key < _keys.Count; key++)
            {
                bool meant = mutation.Kind == MutationKind.DeleteRange
                    ? _keys.IsIn(key, mutation.Key.Span, mutation.EndKey.Span)
                    : mutation.Key.Span.SequenceEqual(_keys[key]);
                if (!meant)
                {
                    continue;
                }

                foreach (SimPart part in _writing[key].Parts)
                {
                    if (part.Key == key)
                    {
                        _book.NoteSequence(Session, write.Identity.Sequence, (int)write.FirstIndex + i, part);
                    }
                }
            }
        }
    }

    private void Deliver(SimStore store, string address, PipelineRequest message, byte[] bytes)
    {
        if (!store.IsUp)
        {
            ((IClientTransportSink)_pump).OnNotSent(address, message, "connection refused");
            return;
        }

        _events.Mix(Crc32C.Compute(bytes));
        foreach (Request request in PipelineRequest.Parser.ParseFrom(bytes).Requests)
        {
            SimStore asked = ChooseStore(store, request);
            asked.Submit(request, response => Answer(asked, address, request, response));
        }
    }

    /// <summary>A read by a round to a quorum may be asked of any store, leader or not.</summary>
    private SimStore ChooseStore(SimStore store, Request request)
    {
        bool anywhere = request.Get?.Mode == ReadMode.ReadIndex || request.Scan?.Mode == ReadMode.ReadIndex
            || request.MultiGet?.Mode == ReadMode.ReadIndex;
        return anywhere && _network.IsDisturbed && _random.Chance(_load.AnyStoreShare)
            ? _network.AnyStore(_random, whenDown: store)
            : store;
    }

    private void Answer(SimStore store, string address, Request request, Response response)
    {
        _book.OnAnswer(store, Session, request, response);
        bool isWrite = response.ResultCase == Response.ResultOneofCase.Write;
        if (_load.DropEverySecondReply && isWrite && ++_replies % 2 == 0)
        {
            _events.After(100_000, "reply dropped", () => Lost(address));
            return;
        }

        _network.ClientMessage(
            SimNetwork.EndpointOf(store.Id), _network.EndpointOfClient(_number), isWrite,
            () => ((IClientTransportSink)_pump).OnResponses(address, new PipelineResponse { Responses = { response } }),
            () => Lost(address));
    }

    /// <summary>A real connection does not lose single messages: it breaks.</summary>
    private void Lost(string address) => ((IClientTransportSink)_pump).OnDisconnected(address, "connection reset");

    private void Next()
    {
        if (!_stopped)
        {
            _events.After(1_000_000L * _random.Next(1, _load.ThinkMsMax + 1), _nextName, Act);
        }
    }

    private void Act()
    {
        if (_stopped)
        {
            return;
        }

        if (_random.Chance(_load.WriteShare))
        {
            Write();
        }
        else
        {
            Read();
        }
    }

    private SimOperation BeginOperation(string name, bool isWrite)
    {
        Open++;
        return _book.Begin(_number, name, isWrite, _events.Now);
    }

    private void End(SimOperation operation, ClientOperation done)
    {
        Open--;
        operation.EndedAt = _events.Now;
        operation.Outcome = done.Error switch
        {
            null => SimOutcome.Ok,
            KvException { MaybeApplied: true } => SimOutcome.Undetermined,
            _ => SimOutcome.Failed,
        };
        operation.Error = done.Error?.Message;
        _events.Mix((ulong)operation.Id);
        Next();
    }
}
