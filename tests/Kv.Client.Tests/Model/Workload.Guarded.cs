using Google.Protobuf;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests.Model;

// Conditions, sequences, ranges and multi-gets.
internal sealed partial class Workload
{
    public const string CounterKey = "m5^";
    private const string SequenceKey = "s5$";

    /// <summary>Values put on a condition, handed out for others, or into what ranges delete.</summary>
    public List<PutRecord> GuardedPuts { get; } = [];

    /// <summary>Every block of numbers that a caller was told to have.</summary>
    public List<(long Start, long Count)> Blocks { get; } = [];

    /// <summary>Increments of the counter: acknowledged, and not known.</summary>
    public (int Applied, int Undetermined) Counted { get; private set; }

    public int ConditionsFailed { get; private set; }

    public int RangesDeleted { get; private set; }

    public int MultiGetCount { get; private set; }

    /// <summary>
    /// Deletes everything that ranges may delete, each slice until it is done; the callback comes with the end.
    /// </summary>
    public void DeleteAll(Action done) => DeleteSlice(default, default, goesOn: true, done);

    private void Guarded(int choice)
    {
        switch (choice % 8)
        {
            case 0:
                PutIfAbsent();
                break;
            case 1 or 2:
                Increment();
                break;
            case 3:
                GetAndPut();
                break;
            case 4:
                TakeNumbers();
                break;
            case 5:
                GuardedBatch();
                break;
            case 6:
                PutDeletable();
                break;
            default:
                string a = RandomKey();
                string b = RandomKey();
                (a, b) = string.CompareOrdinal(a, b) < 0 ? (a, b) : (b, a);
                DeleteSlice(Messages.Bytes(a), Messages.Bytes(b), goesOn: false, Next);
                break;
        }
    }

    private void PutIfAbsent()
    {
        PutRecord record = NewGuarded(RandomKey() + "?");
        Submit(
            new Mutation { Kind = MutationKind.PutIfAbsent, Key = Utf8(record.Key), Value = Utf8(record.Value) },
            write =>
            {
                record.Set(write);
                if (record.Outcome == BatchPartOutcome.ConditionFailed)
                {
                    ConditionsFailed++;
                    Assert.True(write.ResultsDropped || write.Result is { Failed: true, Found: true });
                }
            });
    }

    /// <summary>Reads a number and puts the next one, on the condition that nobody was faster.</summary>
    private void Increment() => _pump.Submit(new GetOperation(Messages.Bytes(CounterKey))
    {
        Completed = op =>
        {
            var get = (GetOperation)op;
            if (get.Error is not null)
            {
                Next();
                return;
            }

            int next = get.Found ? int.Parse(System.Text.Encoding.UTF8.GetString(get.Value.Span)) + 1 : 1;
            Submit(
                new Mutation
                {
                    Kind = MutationKind.CompareAndPut,
                    Key = Utf8(CounterKey),
                    Value = Utf8($"{next}"),
                    Expected = get.Found
                        ? new Expectation { Revision = get.Revision }
                        : new Expectation { Absent = true },
                },
                write => Counted = write switch
                {
                    { Error: null, Applied: true } => Counted with { Applied = Counted.Applied + 1 },
                    { Error: KvException { MaybeApplied: true } } =>
                        Counted with { Undetermined = Counted.Undetermined + 1 },
                    _ => Counted,
                });
        },
    });

    private void GetAndPut()
    {
        PutRecord record = NewGuarded(RandomKey());
        Submit(
            new Mutation { Kind = MutationKind.GetAndPut, Key = Utf8(record.Key), Value = Utf8(record.Value) },
            write =>
            {
                record.Set(write);
                if (write.Error is null)
                {
                    OnAcknowledged(record.Key, write.Revision);
                    Assert.True(write.ResultsDropped || write.Result!.Revision < write.Revision);
                }
            });
    }

    private void TakeNumbers()
    {
        int count = _random.Next(1, 5);
        Submit(
            new Mutation { Kind = MutationKind.Sequence, Key = Utf8(SequenceKey), Number = count },
            write =>
            {
                if (write.Error is null)
                {
                    Blocks.Add((write.Result!.Start, count));
                }
            });
    }

    private void GuardedBatch()
    {
        var batch = new WriteBatch();
        var records = new List<PutRecord>();
        for (int i = _random.Next(2, 7); i > 0; i--)
        {
            PutRecord record = NewGuarded(RandomKey() + "?");
            records.Add(record);
            if (_random.Chance(0.3))
            {
                batch.PutIfAbsent(record.Key, record.Value);
            }
            else
            {
                batch.Put(record.Key, record.Value);
            }
        }

        _pump.Submit(WriteOperation.Batch(batch, completed: op =>
        {
            BatchResult result = ((WriteOperation)op).ToResult();
            Assert.Equal(records.Count, result.Parts.Sum(part => part.MutationCount));
            foreach (PutRecord record in records)
            {
                ByteString key = Utf8(record.Key);
                BatchPart part = result.Parts.Single(one =>
                    one.FirstKey.Span.SequenceCompareTo(key.Span) <= 0
                    && one.LastKey.Span.SequenceCompareTo(key.Span) >= 0);
                record.Outcome = part.Outcome;
                ConditionsFailed += part.Outcome == BatchPartOutcome.ConditionFailed ? 1 : 0;
            }

            foreach (KvConflict conflict in result.Parts.SelectMany(part => part.Conflicts))
            {
                Assert.Contains(records, record => conflict.Key.Span.SequenceEqual(Utf8(record.Key).Span));
                Assert.NotNull(conflict.Current);
            }

            Next();
        }));
    }

    private void PutDeletable()
    {
        PutRecord record = NewGuarded(RandomKey() + ModelCluster.DeletableMark);
        Submit(
            new Mutation { Key = Utf8(record.Key), Value = Utf8(record.Value) }, record.Set);
    }

    private void DeleteSlice(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end, bool goesOn, Action done) =>
        _pump.Submit(new DeleteRangeOperation(start.Span, end.Span)
        {
            Completed = op =>
            {
                var slice = (DeleteRangeOperation)op;
                if (slice.Error is null ? slice.Finished : !goesOn)
                {
                    RangesDeleted += slice.Error is null ? 1 : 0;
                    done();
                }
                else
                {
                    DeleteSlice(slice.Error is null ? slice.RestStart.Memory : start, end, goesOn, done);
                }
            },
        });

    private void MultiGet()
    {
        var keys = new List<ReadOnlyMemory<byte>>();
        var atLeast = new List<ulong>();
        for (int i = _random.Next(1, 30); i > 0; i--)
        {
            string key = _random.Chance(0.5) ? RandomKey() : _stableKeys[_random.Next(_stableKeys.Count)];
            keys.Add(Messages.Bytes(key));
            atLeast.Add(key.Contains('~', StringComparison.Ordinal) ? 1 : _newestAcknowledged.GetValueOrDefault(key));
        }

        _pump.Submit(new MultiGetOperation(keys)
        {
            Completed = op =>
            {
                ReadCount++;
                var get = (MultiGetOperation)op;
                HashSet<int> failed = get.Error is KvMultiGetException some ? [.. some.FailedKeys] : [];
                FailedReadCount += get.Error is null ? 0 : 1;
                for (int i = 0; i < keys.Count && get.Error is null or KvMultiGetException; i++)
                {
                    Assert.True(
                        failed.Contains(i) || (get.Values[i]?.Revision ?? 0) >= atLeast[i],
                        $"key {i}: read revision {get.Values[i]?.Revision} after {atLeast[i]} was acknowledged");
                }

                MultiGetCount += get.Error is null ? 1 : 0;
                Next();
            },
        });
    }

    private void Submit(Mutation mutation, Action<WriteOperation> done) => _pump.Submit(WriteOperation.Of(
        mutation,
        timeoutMs: _random.Chance(0.05) ? 300 : 0,
        completed: op =>
        {
            done((WriteOperation)op);
            Next();
        }));

    private PutRecord NewGuarded(string key)
    {
        var record = new PutRecord { Key = key, Value = $"guard{GuardedPuts.Count}" };
        GuardedPuts.Add(record);
        return record;
    }

    private static ByteString Utf8(string text) => ByteString.CopyFromUtf8(text);
}
