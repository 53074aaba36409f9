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
        int[] keys = DifferentKeys(2 + _random.Next(BatchKeysMax - 1));
        bool isConditional = _random.Chance(0.4);
        string name = isConditional ? "batch conditional" : "batch";
        bool looks = isConditional && _random.Chance(0.5);
        foreach (int key in looks ? keys : [])
        {
            await LookAsync(key);
        }

        foreach (int key in keys)
        {
            calls.Add(key, isConditional ? AddConditional(batch, key) : AddPlain(batch, key));
        }

        try
        {
            BatchResult result = await _client.BatchAsync(batch, cancel);
            _history.Count(name, EndParts(calls, result, _history.Now));
        }
        catch (KvBatchException cause)
        {
            _history.Count(name, EndParts(calls, cause.Result, _history.Now));
        }
        catch (Exception cause) when (IsExpected(cause))
        {
            _history.Count(name, End(calls.Values, cause));
        }
    }

    private long AddPlain(WriteBatch batch, int key)
    {
        if (_random.Chance(0.2))
        {
            batch.Delete(HistoryKeys.Bytes(key));
            return _history.Called(_number, key, OperationKind.Delete);
        }

        string value = NextValue();
        batch.Put(HistoryKeys.Bytes(key), HistoryKeys.Bytes(value));
        return _history.Called(_number, key, OperationKind.Put, value);
    }

    /// <summary>With what this client saw last of the key, or as a plain mutation that hangs on the others.</summary>
    private long AddConditional(WriteBatch batch, int key)
    {
        if (!_seenLast.TryGetValue(key, out Observation? last) || _random.Chance(0.3))
        {
            return AddPlain(batch, key);
        }

        string value = NextValue();
        if (last is not { } seen)
        {
            batch.PutIfAbsent(HistoryKeys.Bytes(key), HistoryKeys.Bytes(value));
            return _history.Called(_number, key, OperationKind.PutIfAbsent, value);
        }

        Expectation expected = _random.Chance(0.5)
            ? Expectation.OfValue(seen.Value!)
            : Expectation.OfRevision(seen.Revision);
        if (_random.Chance(0.2))
        {
            batch.CompareAndDelete(HistoryKeys.Bytes(key), ToClient(expected));
            return _history.Called(_number, key, OperationKind.CompareAndDelete, expected: expected);
        }

        batch.CompareAndPut(HistoryKeys.Bytes(key), ToClient(expected), HistoryKeys.Bytes(value));
        return _history.Called(_number, key, OperationKind.CompareAndPut, value, expected);
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
                EndMutation(calls[key], part, key, now);
                calls.Remove(key);
            }
        }

        if (calls.Count > 0)
        {
            _history.Report($"{calls.Count} mutations of a batch are in none of its parts");
        }

        return result switch
        {
            _ when result.Count(BatchPartOutcome.Undetermined) > 0 => CallEnd.Unknown,
            _ when result.Count(BatchPartOutcome.NotApplied) > 0 => CallEnd.Failed,
            { AllApplied: true } => CallEnd.Answered,
            _ => CallEnd.NotMet,
        };
    }

    private void EndMutation(long id, BatchPart part, int key, long now)
    {
        switch (part.Outcome)
        {
            case BatchPartOutcome.Applied:
                _history.Returned(id, now, new OperationResult { Revision = (long)part.Revision });
                return;
            case BatchPartOutcome.Undetermined:
                _history.EndedUnknown(id);
                return;
            case BatchPartOutcome.ConditionFailed when ConflictOf(part, key) is { } conflict:
                Observation seen = conflict.CurrentDropped ? new Observation(Found: true) : Seen(key, conflict.Current);
                _history.Returned(id, now, new OperationResult { Succeeded = false, Seen = seen });
                return;
            default:
                _history.EndedWithoutEffect(id);
                return;
        }
    }

    private static KvConflict? ConflictOf(BatchPart part, int key) => part.Conflicts.FirstOrDefault(
        conflict => conflict.Key.Span.SequenceEqual(HistoryKeys.Bytes(key)));
}
