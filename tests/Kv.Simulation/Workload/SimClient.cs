// Owns one simulated client: the shipped client core, and threads that each do one operation after another on keys that
// all clients share. It writes down what it asked and what it was told; judging is for the checkers.
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Client;
using Kv.Client.Core;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Simulation.Checks;

namespace Kv.Simulation.Workload;

public sealed class SimClient : IClientTransport
{
    private const int PumpDelayNs = 20_000;
    private const int ScanKeysMax = 6;
    private const int BatchKeysMax = 5;

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

    /// <summary>Reads every key once more.</summary>
    public void ReadAll()
    {
        for (int key = 0; key < _keys.Count; key++)
        {
            Get(key, KvReadMode.Lease, next: false);
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
        int endpoint = _network.EndpointOfClient(_number);
        SimStore store = _network.Find(address) ?? throw new InvalidOperationException($"no store at {address}");
        _network.ClientMessage(
            endpoint, SimNetwork.EndpointOf(store.Id), isReply: false, () => Deliver(store, address, message, bytes),
            () => Lost(address));
    }

    /// <summary>Which operation a sequence belongs to: at most one of this client writes a key at a time.</summary>
    private void NoteSequence(WriteCommand write)
    {
        ulong sequence = write.Identity.Sequence;
        foreach (Mutation mutation in write.Mutations)
        {
            SimOperation operation = _writing[_keys.Find(mutation.Key.Span)];
            foreach (SimPart part in operation.Parts)
            {
                if (_keys[part.Key].AsSpan().SequenceEqual(mutation.Key.Span))
                {
                    part.Sequence = sequence;
                    _book.NoteSequence(Session, sequence, part);
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
            store.Submit(request, response => Answer(store, address, request, response));
        }
    }

    private void Answer(SimStore store, string address, Request request, Response response)
    {
        _book.OnAnswer(store, Session, request, response);
        int endpoint = _network.EndpointOfClient(_number);
        bool isWrite = response.ResultCase == Response.ResultOneofCase.Write;
        if (_load.DropEverySecondReply && isWrite && ++_replies % 2 == 0)
        {
            _events.After(100_000, "reply dropped", () => Lost(address));
            return;
        }

        _network.ClientMessage(
            SimNetwork.EndpointOf(store.Id), endpoint, isWrite,
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
            return;
        }

        KvReadMode mode = _random.Chance(_load.ReadIndexShare) ? KvReadMode.ReadIndex : KvReadMode.Lease;
        if (_random.Chance(_load.ScanShare))
        {
            Scan(mode);
        }
        else
        {
            Get(_random.Next(_keys.Count), mode, next: true);
        }
    }

    private SimOperation BeginOperation(SimKind kind)
    {
        Open++;
        return _book.Begin(_number, kind, _events.Now);
    }

    private void End(SimOperation operation, ClientOperation done, bool next)
    {
        Open--;
        operation.EndedAt = _events.Now;
        operation.Outcome = done.Error switch
        {
            null => SimOutcome.Ok,
            KvUndeterminedException => SimOutcome.Undetermined,
            KvException { MaybeApplied: true } => SimOutcome.Undetermined,
            _ => SimOutcome.Failed,
        };
        operation.Error = done.Error?.Message;
        _events.Mix((ulong)operation.Id);
        if (next)
        {
            Next();
        }
    }

    private void Write()
    {
        bool batch = _random.Chance(_load.BatchShare);
        List<int> keys = FreeKeys(batch ? _random.Next(2, BatchKeysMax + 1) : 1);
        if (keys.Count == 0)
        {
            Next();
            return;
        }

        bool delete = !batch && _random.Chance(_load.DeleteShare);
        SimOperation operation = BeginOperation(batch ? SimKind.Batch : delete ? SimKind.Delete : SimKind.Put);
        foreach (int key in keys)
        {
            string? value = delete || (batch && _random.Chance(_load.DeleteShare)) ? null : NewValue(operation, key);
            operation.Parts.Add(new SimPart(key) { Value = value });
            _writing.Add(key, operation);
            if (value is not null)
            {
                _book.NoteValue(value, operation.Parts[^1]);
            }
        }

        _pump.Submit(WriteOf(operation));
    }

    private WriteOperation WriteOf(SimOperation operation)
    {
        SimPart first = operation.Parts[0];
        switch (operation.Kind)
        {
            case SimKind.Put:
                return WriteOperation.Put(
                    _keys[first.Key], Encoding.ASCII.GetBytes(first.Value!),
                    completed: done => EndWrite(operation, (WriteOperation)done));
            case SimKind.Delete:
                return WriteOperation.Delete(
                    _keys[first.Key], completed: done => EndWrite(operation, (WriteOperation)done));
            default:
                var batch = new WriteBatch();
                foreach (SimPart part in operation.Parts)
                {
                    _ = part.Value is null
                        ? batch.Delete(_keys[part.Key])
                        : batch.Put(_keys[part.Key], Encoding.ASCII.GetBytes(part.Value));
                }

                return WriteOperation.Batch(batch, completed: done => EndWrite(operation, (WriteOperation)done));
        }
    }

    private void EndWrite(SimOperation operation, WriteOperation done)
    {
        foreach (SimPart part in operation.Parts)
        {
            _writing.Remove(part.Key);
        }

        End(operation, done, next: true);
        foreach (BatchPart told in done.ToResult().Parts)
        {
            foreach (SimPart part in operation.Parts)
            {
                ReadOnlySpan<byte> key = _keys[part.Key];
                if (key.SequenceCompareTo(told.FirstKey.Span) >= 0 && key.SequenceCompareTo(told.LastKey.Span) <= 0)
                {
                    part.Revision = told.Revision;
                    part.Outcome = told.Outcome switch
                    {
                        BatchPartOutcome.Applied => SimOutcome.Ok,
                        BatchPartOutcome.NotApplied => SimOutcome.Failed,
                        _ => SimOutcome.Undetermined,
                    };
                }
            }
        }

        _book.EndWrite(operation);
    }

    private void Get(int key, KvReadMode mode, bool next)
    {
        SimOperation operation = BeginOperation(SimKind.Get);
        operation.Parts.Add(new SimPart(key));
        _pump.Submit(new GetOperation(_keys[key], mode)
        {
            Completed = done =>
            {
                var get = (GetOperation)done;
                End(operation, get, next);
                if (operation.Outcome == SimOutcome.Ok)
                {
                    SimPart part = operation.Parts[0];
                    part.Found = get.Found;
                    part.Seen = get.Found ? Encoding.ASCII.GetString(get.Value.Span) : null;
                    part.SeenRevision = get.Revision;
                }

                _book.EndRead(operation);
            },
        });
    }

    /// <summary>One page: each key of its range was read, found or not, at some moment while it ran.</summary>
    private void Scan(KvReadMode mode)
    {
        SimOperation operation = BeginOperation(SimKind.Scan);
        int first = _random.Next(_keys.Count);
        int last = Math.Min(_keys.Count, first + _random.Next(1, ScanKeysMax));
        byte[] start = _keys[first];
        byte[] end = last == _keys.Count ? [] : _keys[last];
        _pump.Submit(new ScanPageOperation
        {
            Start = start,
            End = end,
            Reverse = _random.Chance(0.5),
            Mode = mode,
            Completed = done => EndScan(operation, (ScanPageOperation)done, start, end),
        });
    }

    private void EndScan(SimOperation operation, ScanPageOperation page, byte[] start, byte[] end)
    {
        End(operation, page, next: true);
        if (operation.Outcome == SimOutcome.Ok)
        {
            // What the page covers is what it was asked for without what is left.
            ReadOnlySpan<byte> from = page.Reverse && !page.Finished ? page.End.Span : start;
            ReadOnlySpan<byte> to = page.Reverse || page.Finished ? end : page.Start.Span;
            for (int key = 0; key < _keys.Count; key++)
            {
                ReadOnlySpan<byte> each = _keys[key];
                if (each.SequenceCompareTo(from) >= 0 && (to.IsEmpty || each.SequenceCompareTo(to) < 0))
                {
                    operation.Parts.Add(SeenIn(page, key));
                }
            }
        }

        _book.EndRead(operation);
    }

    private SimPart SeenIn(ScanPageOperation page, int key)
    {
        var part = new SimPart(key);
        foreach (KeyValue row in page.Rows)
        {
            if (row.Key.Span.SequenceEqual(_keys[key]))
            {
                part.Found = true;
                part.Seen = row.Value.ToStringUtf8();
                part.SeenRevision = row.Revision;
            }
        }

        return part;
    }

    private List<int> FreeKeys(int count)
    {
        var keys = new SortedSet<int>();
        for (int i = 0; i < count; i++)
        {
            int key = _random.Next(_keys.Count);
            if (!_writing.ContainsKey(key))
            {
                keys.Add(key);
            }
        }

        return [.. keys];
    }

    private string NewValue(SimOperation operation, int key)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"c{_number}.{operation.Id}.{key}");
        return _random.Chance(0.1) ? name.PadRight(_random.Next(name.Length, _load.ValueBytesMax + 1), '.') : name;
    }
}
