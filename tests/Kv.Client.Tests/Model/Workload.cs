using Google.Protobuf;
using Kv.Base;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests.Model;

/// <summary>
/// Callers that do one random operation after the other and keep what they were told. Keys that begin with '~' are
/// written before and never change: scans must show each of them exactly once.
/// </summary>
internal sealed partial class Workload
{
    private const int StableKeyCount = 120;

    private readonly ClientPump _pump;
    private readonly DeterministicRandom _random;
    private readonly Dictionary<string, ulong> _newestAcknowledged = new(StringComparer.Ordinal);
    private readonly List<string> _stableKeys = [];
    private int _left;
    private int _active;

    public Workload(ClientPump pump, ModelCluster cluster, DeterministicRandom random, int operations, int callers)
    {
        _pump = pump;
        _random = random;
        _left = operations;
        _active = callers;
        for (int i = 0; i < StableKeyCount; i++)
        {
            // Spread over the letters that regions are split at.
            string key = $"{(char)('a' + (i % 26))}{i % 10}~{i:d3}";
            _stableKeys.Add(key);
            cluster.Data[key] = ($"stable{i}", 1);
        }

        _stableKeys.Sort(StringComparer.Ordinal);
        for (int i = 0; i < callers; i++)
        {
            Next();
        }
    }

    public bool IsDone => _active == 0;

    public List<PutRecord> Puts { get; } = [];

    public int ScanCount { get; private set; }

    public int ReadCount { get; private set; }

    public int FailedReadCount { get; private set; }

    private void Next()
    {
        if (_left-- <= 0)
        {
            _active--;
            return;
        }

        int choice = _random.Next(100);
        if (choice < 28)
        {
            Put();
        }
        else if (choice < 42)
        {
            Batch();
        }
        else if (choice < 58)
        {
            Guarded(choice);
        }
        else if (choice < 66)
        {
            MultiGet();
        }
        else if (choice < 85)
        {
            Get();
        }
        else if (choice < 90)
        {
            PutAndCancel();
        }
        else
        {
            Scan(reverse: choice % 2 == 0);
        }
    }

    private string RandomKey() => $"{(char)('a' + _random.Next(26))}{_random.Next(10)}";

    private void Put()
    {
        PutRecord record = NewRecord(RandomKey());
        _pump.Submit(WriteOperation.Put(
            Messages.Bytes(record.Key),
            Messages.Bytes(record.Value),
            timeoutMs: _random.Chance(0.05) ? 300 : 0,
            completed: op =>
            {
                record.Set(op.Error);
                if (op.Error is null)
                {
                    OnAcknowledged(record.Key, ((WriteOperation)op).Revision);
                }

                Next();
            }));
    }

    private void PutAndCancel()
    {
        PutRecord record = NewRecord(RandomKey());
        var put = WriteOperation.Put(
            Messages.Bytes(record.Key),
            Messages.Bytes(record.Value),
            completed: op =>
            {
                record.Set(op.Error);
                Next();
            });
        _pump.Submit(put);
        put.Cancel();
    }

    private void Batch()
    {
        var batch = new WriteBatch();
        var records = new List<PutRecord>();
        int count = _random.Next(1, 8);
        for (int i = 0; i < count; i++)
        {
            PutRecord record = NewRecord(RandomKey());
            records.Add(record);
            batch.Put(record.Key, record.Value);
        }

        _pump.Submit(WriteOperation.Batch(batch, timeoutMs: 0, completed: op =>
        {
            BatchResult result = ((WriteOperation)op).ToResult();
            Assert.Equal(count, result.Parts.Sum(p => p.MutationCount));
            Assert.Equal(op.Error is null, result.AllApplied);
            foreach (PutRecord record in records)
            {
                ByteString key = ByteString.CopyFromUtf8(record.Key);
                BatchPart part = result.Parts.Single(p =>
                    p.FirstKey.Span.SequenceCompareTo(key.Span) <= 0
                    && p.LastKey.Span.SequenceCompareTo(key.Span) >= 0);
                record.Outcome = part.Outcome;
                if (part.Outcome == BatchPartOutcome.Applied)
                {
                    OnAcknowledged(record.Key, part.Revision);
                }
            }

            Next();
        }));
    }

    private void Get()
    {
        string key = RandomKey();
        ulong atLeast = _newestAcknowledged.GetValueOrDefault(key);
        _pump.Submit(new GetOperation(Messages.Bytes(key))
        {
            Completed = op =>
            {
                ReadCount++;
                if (op.Error is null)
                {
                    ulong seen = ((GetOperation)op).Revision;
                    Assert.True(seen >= atLeast, $"key {key}: read revision {seen} after {atLeast} was acknowledged");
                }
                else
                {
                    FailedReadCount++;
                    TestContext.Current.TestOutputHelper?.WriteLine(op.Error.Message);
                }

                Next();
            },
        });
    }

    private void Scan(bool reverse)
    {
        string a = RandomKey();
        string b = RandomKey();
        string start = _random.Chance(0.2) ? "" : string.CompareOrdinal(a, b) < 0 ? a : b;
        string end = _random.Chance(0.2) ? "" : string.CompareOrdinal(a, b) < 0 ? b : a;
        Page(new List<string>(), start, end, Messages.Bytes(start), Messages.Bytes(end), reverse, _random.Chance(0.5));
    }

    private void Page(
        List<string> seen,
        string start,
        string end,
        ReadOnlyMemory<byte> from,
        ReadOnlyMemory<byte> to,
        bool reverse,
        bool keysOnly)
    {
        _pump.Submit(new ScanPageOperation
        {
            Start = from,
            End = to,
            Reverse = reverse,
            KeysOnly = keysOnly,
            Limit = (uint)_random.Next(0, 20),
            Completed = op =>
            {
                var page = (ScanPageOperation)op;
                if (op.Error is not null)
                {
                    FailedReadCount++;
                    TestContext.Current.TestOutputHelper?.WriteLine(op.Error.Message);
                    Next();
                    return;
                }

                foreach (KeyValue row in page.Rows)
                {
                    seen.Add(row.Key.ToStringUtf8());
                    Assert.Equal(keysOnly, row.Value.IsEmpty);
                }

                if (page.Finished)
                {
                    CheckScan(seen, start, end, reverse);
                    Next();
                }
                else
                {
                    Page(seen, start, end, page.Start, page.End, reverse, keysOnly);
                }
            },
        });
    }

    private void CheckScan(List<string> seen, string start, string end, bool reverse)
    {
        ScanCount++;
        for (int i = 1; i < seen.Count; i++)
        {
            int order = string.CompareOrdinal(seen[i - 1], seen[i]);
            Assert.True(reverse ? order > 0 : order < 0, $"scan out of order: {seen[i - 1]}, {seen[i]}");
        }

        Assert.All(seen, key => Assert.True(InRange(key, start, end), $"{key} lies outside of the scan"));
        var stable = seen.Where(k => k.Contains('~', StringComparison.Ordinal)).ToList();
        var expected = _stableKeys.Where(k => InRange(k, start, end)).ToList();
        if (reverse)
        {
            expected.Reverse();
        }

        Assert.Equal(expected, stable);
    }

    private static bool InRange(string key, string start, string end) =>
        string.CompareOrdinal(key, start) >= 0 && (end.Length == 0 || string.CompareOrdinal(key, end) < 0);

    private PutRecord NewRecord(string key)
    {
        var record = new PutRecord { Key = key, Value = $"value{Puts.Count}" };
        Puts.Add(record);
        return record;
    }

    private void OnAcknowledged(string key, ulong revision) =>
        _newestAcknowledged[key] = Math.Max(revision, _newestAcknowledged.GetValueOrDefault(key));

    /// <summary>One value put, and what its caller was told.</summary>
    internal sealed class PutRecord
    {
        public required string Key { get; init; }

        public required string Value { get; init; }

        public BatchPartOutcome? Outcome { get; set; }

        public void Set(WriteOperation write)
        {
            Set(write.Error);
            if (write.Error is null && !write.Applied)
            {
                Outcome = BatchPartOutcome.ConditionFailed;
            }
        }

        public void Set(Exception? error) => Outcome = error switch
        {
            null => BatchPartOutcome.Applied,
            KvException { MaybeApplied: true } => BatchPartOutcome.Undetermined,
            _ => BatchPartOutcome.NotApplied,
        };
    }
}
