using System.Text;
using Kv.Client;
using Kv.Client.Core;
using Kv.Protocol.V1;
using Kv.Testing.History;

namespace Kv.Simulation.Workload;

/// <summary>Reads: of one key, of several, of a range, or only whether a key exists.</summary>
public sealed partial class SimClient
{
    private const int ScanKeysMax = 6;
    private const int MultiGetKeysMax = 6;

    private void Read()
    {
        KvReadMode mode = _random.Chance(_load.ReadIndexShare) ? KvReadMode.ReadIndex : KvReadMode.Lease;
        if (_random.Chance(_load.ScanShare))
        {
            Scan(mode);
        }
        else if (_random.Chance(_load.MultiGetShare))
        {
            MultiGet(mode);
        }
        else
        {
            Get(_random.Next(_keys.Count), mode, _random.Chance(_load.ExistsShare));
        }
    }

    private void Get(int key, KvReadMode mode, bool existsOnly)
    {
        OperationKind kind = existsOnly ? OperationKind.Exists : OperationKind.Get;
        SimOperation operation = BeginOperation(existsOnly ? "exists" : "get", isWrite: false);
        _pump.Submit(new GetOperation(_keys[key], mode)
        {
            ExistsOnly = existsOnly,
            Completed = done =>
            {
                var get = (GetOperation)done;
                End(operation, get);
                if (operation.Outcome == SimOutcome.Ok)
                {
                    string? value = get.Found && !existsOnly ? Encoding.ASCII.GetString(get.Value.Span) : null;
                    AddSeen(operation, key, kind, new Observation(get.Found, value, (long)get.Revision));
                }
            },
        });
    }

    private void MultiGet(KvReadMode mode)
    {
        var keys = new SortedSet<int>();
        for (int i = _random.Next(1, MultiGetKeysMax); i >= 0; i--)
        {
            keys.Add(_random.Next(_keys.Count));
        }

        List<int> asked = [.. keys];
        SimOperation operation = BeginOperation("multi-get", isWrite: false);
        _pump.Submit(new MultiGetOperation([.. asked.Select(key => (ReadOnlyMemory<byte>)_keys[key])], mode)
        {
            Completed = done =>
            {
                End(operation, done);
                for (int i = 0; i < asked.Count && operation.Outcome == SimOutcome.Ok; i++)
                {
                    ValueWithRevision? value = ((MultiGetOperation)done).Values[i];
                    AddSeen(operation, asked[i], OperationKind.Get, value is { } found
                        ? new Observation(true, Encoding.ASCII.GetString(found.Value), (long)found.Revision)
                        : new Observation(false));
                }
            },
        });
    }

    /// <summary>One page: each key of its range was read, found or not, at some moment while it ran.</summary>
    private void Scan(KvReadMode mode)
    {
        SimOperation operation = BeginOperation("scan", isWrite: false);
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
        End(operation, page);
        if (operation.Outcome != SimOutcome.Ok)
        {
            return;
        }

        // What the page covers is what it was asked for without what is left.
        ReadOnlySpan<byte> from = page.Reverse && !page.Finished ? page.End.Span : start;
        ReadOnlySpan<byte> to = page.Reverse || page.Finished ? end : page.Start.Span;
        for (int key = 0; key < _keys.Count; key++)
        {
            if (_keys.IsIn(key, from, to))
            {
                AddSeen(operation, key, OperationKind.Get, SeenIn(page, key));
            }
        }
    }

    private Observation SeenIn(ScanPageOperation page, int key)
    {
        foreach (KeyValue row in page.Rows)
        {
            if (row.Key.Span.SequenceEqual(_keys[key]))
            {
                return new Observation(true, row.Value.ToStringUtf8(), (long)row.Revision);
            }
        }

        return new Observation(false);
    }

    private void AddSeen(SimOperation operation, int key, OperationKind kind, Observation seen)
    {
        var part = new SimPart(key, kind) { Outcome = SimOutcome.Ok, Seen = seen };
        operation.Parts.Add(part);
        _keys.NoteSeen(key, seen);
        _book.EndRead(operation, part);
    }
}
