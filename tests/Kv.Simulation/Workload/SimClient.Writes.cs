using System.Globalization;
using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Client;
using Kv.Client.Core;
using Kv.Protocol.V1;
using Kv.Testing.History;
using Expectation = Kv.Testing.History.Expectation;

namespace Kv.Simulation.Workload;

/// <summary>Writes of every kind. Values are unique over the run: a value names its write.</summary>
public sealed partial class SimClient
{
    private const int BatchKeysMax = 5;
    private const int RangeKeysMax = 5;
    private const int StepMax = 100;

    private void Write()
    {
        bool batch = _random.Chance(_load.BatchShare);
        bool range = !batch && _random.Chance(_load.RangeShare);
        List<int> keys = batch ? FreeKeys(_random.Next(2, BatchKeysMax + 1)) : range ? FreeRange() : FreeKeys(1);
        if (keys.Count == 0)
        {
            Next();
            return;
        }

        if (range)
        {
            DeleteRange(keys);
        }
        else if (batch)
        {
            Batch(keys);
        }
        else
        {
            WriteOne(keys[0], DrawKind());
        }
    }

    private OperationKind DrawKind()
    {
        if (_random.Chance(_load.GuardedShare))
        {
            return _random.Next(6) switch
            {
                0 => OperationKind.PutIfAbsent,
                1 or 2 => OperationKind.CompareAndPut,
                3 => OperationKind.CompareAndDelete,
                4 => OperationKind.GetAndPut,
                _ => _random.Chance(0.1) ? OperationKind.SequenceReset : OperationKind.Sequence,
            };
        }

        return _random.Chance(_load.DeleteShare) ? OperationKind.Delete : OperationKind.Put;
    }

    private void WriteOne(int key, OperationKind kind)
    {
        SimOperation operation = BeginOperation(kind.ToString(), isWrite: true);
        SimPart part = AddPart(operation, key, kind);
        _pump.Submit(WriteOperation.Of(MutationOf(part), completed: done =>
        {
            EndWriting(operation, done);
            var write = (WriteOperation)done;
            part.Outcome = operation.Outcome;
            if (operation.Outcome == SimOutcome.Ok)
            {
                part.Revision = write.Revision;
                part.Outcome = write.Applied ? SimOutcome.Ok : SimOutcome.Refused;
                Tell(part, write.Result);
            }

            _book.EndWrite(operation);
        }));
    }

    private void Batch(List<int> keys)
    {
        SimOperation operation = BeginOperation("batch", isWrite: true);
        var batch = new WriteBatch();
        foreach (int key in keys)
        {
            OperationKind kind = DrawKind();
            while (kind is OperationKind.GetAndPut or OperationKind.Sequence or OperationKind.SequenceReset)
            {
                kind = DrawKind();
            }

            AddTo(batch, AddPart(operation, key, kind));
        }

        _pump.Submit(WriteOperation.Batch(batch, completed: done => EndBatch(operation, (WriteOperation)done)));
    }

    private void AddTo(WriteBatch batch, SimPart part)
    {
        byte[] key = _keys[part.Key];
        byte[] value = Encoding.ASCII.GetBytes(part.Value ?? "");
        _ = part.Kind switch
        {
            OperationKind.Put => batch.Put(key, value),
            OperationKind.Delete => batch.Delete(key),
            OperationKind.PutIfAbsent => batch.PutIfAbsent(key, value),
            OperationKind.CompareAndPut => batch.CompareAndPut(key, ExpectationOf(part.Expected!), value),
            OperationKind.CompareAndDelete => batch.CompareAndDelete(key, ExpectationOf(part.Expected!)),
            _ => throw Invariant.Unreachable(part.Kind),
        };
    }

    private void EndBatch(SimOperation operation, WriteOperation done)
    {
        EndWriting(operation, done);
        foreach (BatchPart told in done.ToResult().Parts)
        {
            foreach (SimPart part in operation.Parts)
            {
                ReadOnlySpan<byte> key = _keys[part.Key];
                if (key.SequenceCompareTo(told.FirstKey.Span) < 0 || key.SequenceCompareTo(told.LastKey.Span) > 0)
                {
                    continue;
                }

                part.Revision = told.Revision;
                part.Outcome = told.Outcome switch
                {
                    BatchPartOutcome.Applied => SimOutcome.Ok,
                    BatchPartOutcome.NotApplied => SimOutcome.Failed,
                    BatchPartOutcome.ConditionFailed => SimOutcome.Refused,
                    _ => SimOutcome.Undetermined,
                };
                TellConflict(part, told);
            }
        }

        _book.EndWrite(operation);
    }

    /// <summary>Of a refused batch only the mutations whose own condition did not hold have seen anything.</summary>
    private void TellConflict(SimPart part, BatchPart told)
    {
        if (part.Outcome != SimOutcome.Refused)
        {
            return;
        }

        part.IsLeftOut = true;
        foreach (KvConflict conflict in told.Conflicts)
        {
            if (conflict.Key.Span.SequenceEqual(_keys[part.Key]))
            {
                part.IsLeftOut = false;
                part.Seen = conflict.Current is { } current
                    ? new Observation(true, Encoding.ASCII.GetString(current.Value), (long)current.Revision)
                    : conflict.CurrentDropped ? null : new Observation(false);
            }
        }
    }

    private void DeleteRange(List<int> keys)
    {
        SimOperation operation = BeginOperation("delete-range", isWrite: true);
        foreach (int key in keys)
        {
            AddPart(operation, key, OperationKind.DeleteRange);
        }

        int end = keys[^1] + 1;
        var range = new DeleteRangeOperation(_keys[keys[0]], end < _keys.Count ? _keys[end] : _keys.AboveAll)
        {
            Completed = done =>
            {
                EndWriting(operation, done);
                ReadOnlySpan<byte> rest = ((DeleteRangeOperation)done).RestStart.Span;
                foreach (SimPart part in operation.Parts)
                {
                    // What lies behind the region is left for a next slice, which nobody sends here.
                    part.IsLeftOut = _keys[part.Key].AsSpan().SequenceCompareTo(rest) >= 0;
                    part.Outcome = operation.Outcome;
                }

                _book.EndWrite(operation);
            },
        };
        _pump.Submit(range);
    }

    private void EndWriting(SimOperation operation, ClientOperation done)
    {
        foreach (SimPart part in operation.Parts)
        {
            _writing.Remove(part.Key);
        }

        End(operation, done);
    }

    private static void Tell(SimPart part, MutationResult? result)
    {
        if (result is null)
        {
            return;
        }

        if (part.Kind is OperationKind.Sequence or OperationKind.SequenceReset)
        {
            part.Start = result.Start;
            return;
        }

        part.Seen = result.Found
            ? new Observation(
                true, result.ValueDropped ? null : result.Value.ToStringUtf8(), (long)result.Revision)
            : new Observation(false);
    }

    private SimPart AddPart(SimOperation operation, int key, OperationKind kind)
    {
        bool puts = kind is OperationKind.Put or OperationKind.PutIfAbsent or OperationKind.CompareAndPut
            or OperationKind.GetAndPut;
        bool compares = kind is OperationKind.CompareAndPut or OperationKind.CompareAndDelete;
        var part = new SimPart(key, kind)
        {
            Value = puts ? NewValue(operation, key) : null,
            Expected = compares ? DrawExpectation(key, kind) : null,
            Number = kind is OperationKind.Sequence or OperationKind.SequenceReset ? _random.Next(StepMax) : 0,
        };
        operation.Parts.Add(part);
        _writing.Add(key, operation);
        if (part.Value is { } value)
        {
            _book.NoteValue(value, part);
        }

        return part;
    }

    /// <summary>Mostly what was last seen of the key, so that conditions hold now and then.</summary>
    private Expectation DrawExpectation(int key, OperationKind kind)
    {
        Observation? seen = _keys.LastSeen(key);
        bool mayBeAbsent = kind == OperationKind.CompareAndPut;
        if (seen is not { Found: true, Value: { } value } last || (mayBeAbsent && _random.Chance(0.1)))
        {
            return mayBeAbsent ? Expectation.Absent : Expectation.OfValue("nobody wrote this");
        }

        return _random.Chance(0.5) && last.Revision > 0
            ? Expectation.OfRevision(last.Revision)
            : Expectation.OfValue(value);
    }

    private Mutation MutationOf(SimPart part)
    {
        var mutation = new Mutation
        {
            Key = ByteString.CopyFrom(_keys[part.Key]),
            Value = ByteString.CopyFromUtf8(part.Value ?? ""),
            Number = part.Number,
            Kind = part.Kind switch
            {
                OperationKind.Put => MutationKind.Put,
                OperationKind.Delete => MutationKind.Delete,
                OperationKind.PutIfAbsent => MutationKind.PutIfAbsent,
                OperationKind.CompareAndPut => MutationKind.CompareAndPut,
                OperationKind.CompareAndDelete => MutationKind.CompareAndDelete,
                OperationKind.GetAndPut => MutationKind.GetAndPut,
                OperationKind.Sequence => MutationKind.Sequence,
                OperationKind.SequenceReset => MutationKind.SequenceReset,
                _ => throw Invariant.Unreachable(part.Kind),
            },
        };
        if (part.Expected is { } expected)
        {
            mutation.Expected = expected.Kind switch
            {
                ExpectationKind.Absent => new Protocol.V1.Expectation { Absent = true },
                ExpectationKind.Value => new Protocol.V1.Expectation
                {
                    Value = ByteString.CopyFromUtf8(expected.Value!),
                },
                _ => new Protocol.V1.Expectation { Revision = (ulong)expected.Revision },
            };
        }

        return mutation;
    }

    private static KvExpectation ExpectationOf(Expectation expected) => expected.Kind switch
    {
        ExpectationKind.Absent => KvExpectation.Absent,
        ExpectationKind.Value => KvExpectation.Value(expected.Value!),
        _ => KvExpectation.Revision((ulong)expected.Revision),
    };

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

    private List<int> FreeRange()
    {
        var keys = new List<int>();
        int first = _random.Next(_keys.Count);
        for (int key = first; key < Math.Min(_keys.Count, first + RangeKeysMax) && !_writing.ContainsKey(key); key++)
        {
            keys.Add(key);
        }

        return keys;
    }

    private string NewValue(SimOperation operation, int key)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"c{_number}.{operation.Id}.{key}");
        return _random.Chance(0.1) ? name.PadRight(_random.Next(name.Length, _load.ValueBytesMax + 1), '.') : name;
    }
}
