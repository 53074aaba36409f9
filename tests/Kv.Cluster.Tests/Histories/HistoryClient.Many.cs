using Kv.Client;
using Kv.Testing.History;

namespace Kv.Cluster.Tests.Histories;

// Operations on several keys. In a history each key of them is an operation of its own, as the promises are by key.
internal sealed partial class HistoryClient
{
    private const int ScanKeysMax = 8;
    private const int PageRowsMax = 3;

    private async Task ScanAsync(CancellationToken cancel)
    {
        int count = 2 + _random.Next(ScanKeysMax - 1);
        int first = _random.Next(HistoryKeys.Count - count + 1);
        var options = new ScanOptions
        {
            Start = HistoryKeys.Bound(first),
            End = HistoryKeys.Bound(first + count),
            Reverse = _random.Chance(0.3),
            KeysOnly = _random.Chance(0.2),
            Mode = AnyMode,
            PageRowsMax = _random.Next(PageRowsMax + 1),
        };
        string name = options.KeysOnly ? "scan keys" : "scan";
        try
        {
            await ReadRowsAsync(first, first + count, options, cancel);
            _history.Count(name, CallEnd.Answered);
        }
        catch (Exception cause) when (IsExpected(cause))
        {
            // The rows that came before are in the history all the same.
            _history.Count(name, CallEnd.Failed);
        }
    }

    /// <summary>
    /// Each page is a read of its own, and where pages begin is not told. A step of the scan that had to wait has asked
    /// for a page, so a row was read between the newest such step's begin and its own arrival. A key that was left out
    /// belongs to the page of the row before it, of the one behind it, or to one in between.
    /// </summary>
    private async Task ReadRowsAsync(int first, int end, ScanOptions options, CancellationToken cancel)
    {
        int step = options.Reverse ? -1 : 1;
        int next = options.Reverse ? end - 1 : first;
        int behind = options.Reverse ? first - 1 : end;
        long page = _history.Now;
        long pageOfRowBefore = page;
        await using IAsyncEnumerator<KeyValueEntry> rows =
            _client.ScanAsync(options, cancel).GetAsyncEnumerator(CancellationToken.None);
        while (true)
        {
            long began = _history.Now;
            ValueTask<bool> move = rows.MoveNextAsync();
            page = move.IsCompleted ? page : began;
            bool found = await move;
            long arrived = _history.Now;
            int key = found ? HistoryKeys.Find(rows.Current.Key) : behind;
            if (found && (key - next) * step < 0)
            {
                _history.Report($"a scan came to {Convert.ToHexString(rows.Current.Key.Span)}, a key that is not next");
                return;
            }

            for (; next != key; next += step)
            {
                _history.Saw(
                    _number, next, OperationKind.Get, pageOfRowBefore, arrived, new Observation(Found: false));
            }

            if (!found)
            {
                return;
            }

            Observation seen = options.KeysOnly
                ? new Observation(Found: true, Value: null, (long)rows.Current.Revision)
                : Seen(key, rows.Current.Value, rows.Current.Revision);
            _history.Saw(_number, key, OperationKind.Get, page, arrived, seen);
            pageOfRowBefore = page;
            next += step;
        }
    }

    private async Task BatchAsync(CancellationToken cancel)
    {
        var batch = new WriteBatch();
        var calls = new SortedDictionary<int, long>();
        int count = 2 + _random.Next(BatchKeysMax - 1);
        foreach (int key in DifferentKeys(count))
        {
            if (_random.Chance(0.2))
            {
                batch.Delete(HistoryKeys.Bytes(key));
                calls.Add(key, _history.Called(_number, key, OperationKind.Delete));
            }
            else
            {
                string value = NextValue();
                batch.Put(HistoryKeys.Bytes(key), HistoryKeys.Bytes(value));
                calls.Add(key, _history.Called(_number, key, OperationKind.Put, value));
            }
        }

        try
        {
            BatchResult result = await _client.BatchAsync(batch, cancel);
            _history.Count("batch", EndParts(calls, result, _history.Now));
        }
        catch (KvBatchException cause)
        {
            _history.Count("batch", EndParts(calls, cause.Result, _history.Now));
        }
        catch (Exception cause) when (IsExpected(cause))
        {
            _history.Count("batch", End(calls.Values, cause));
        }
    }

    private int[] DifferentKeys(int count)
    {
        var keys = new HashSet<int>();
        while (keys.Count < count)
        {
            keys.Add(AnyKey);
        }

        return [.. keys];
    }

    /// <summary>Ends each mutation with its part; all of them must be in one.</summary>
    private CallEnd EndParts(SortedDictionary<int, long> calls, BatchResult result, long now)
    {
        var end = CallEnd.Answered;
        foreach (BatchPart part in result.Parts)
        {
            int[] keys = [.. calls.Keys.Where(key =>
                part.FirstKey.Span.SequenceCompareTo(HistoryKeys.Bytes(key)) <= 0
                && part.LastKey.Span.SequenceCompareTo(HistoryKeys.Bytes(key)) >= 0)];
            if (keys.Length != part.MutationCount)
            {
                _history.Report($"a part of {part.MutationCount} mutations holds {keys.Length} of the batch's keys");
            }

            foreach (int key in keys)
            {
                long id = calls[key];
                calls.Remove(key);
                switch (part.Outcome)
                {
                    case BatchPartOutcome.Applied:
                        _history.Returned(id, now, new OperationResult { Revision = (long)part.Revision });
                        break;
                    case BatchPartOutcome.Undetermined:
                        _history.EndedUnknown(id);
                        end = CallEnd.Unknown;
                        break;
                    default:
                        _history.EndedWithoutEffect(id);
                        end = end is CallEnd.Unknown ? end : CallEnd.Failed;
                        break;
                }
            }
        }

        if (calls.Count > 0)
        {
            _history.Report($"{calls.Count} mutations of a batch are in none of its parts");
        }

        return end;
    }
}
