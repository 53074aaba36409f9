using Kv.Client;
using Kv.Testing.History;

namespace Kv.Cluster.Tests.Histories;

// Conditions, values handed back, ranges, sequences.
internal sealed partial class HistoryClient
{
    private const int RangeKeysMax = 3;
    private const int SequenceStepMax = 9;
    private const int SequenceStartMax = 1_000;

    /// <summary>What this client saw last of the keys that it read for comparisons; null = absent.</summary>
    private readonly Dictionary<int, Observation?> _seenLast = [];

    private IEnumerable<(int Weight, Func<CancellationToken, Task> Run)> GuardedKinds()
    {
        yield return (4, ExistsAsync);
        yield return (6, MultiGetAsync);
        yield return (6, PutIfAbsentAsync);
        yield return (7, GetAndPutAsync);
        yield return (12, CompareAndPutAsync);
        yield return (5, CompareAndDeleteAsync);
        yield return (2, DeleteRangeAsync);
        yield return (5, NextSequenceAsync);
        yield return (2, GetSequenceAsync);
        yield return (1, ResetSequenceAsync);
    }

    private Task ExistsAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        var options = new GetOptions { Mode = AnyMode };
        return OneAsync(
            "exists",
            key,
            OperationKind.Exists,
            async () => new OperationResult
            {
                Seen = new Observation(await _client.ExistsAsync(HistoryKeys.Bytes(key), options, cancel)),
            });
    }

    private async Task MultiGetAsync(CancellationToken cancel)
    {
        int[] keys = DifferentKeys(2 + _random.Next(BatchKeysMax - 1));
        var options = new GetOptions { Mode = AnyMode };
        long[] calls = [.. keys.Select(key => _history.Called(_number, key, OperationKind.Get))];
        try
        {
            IReadOnlyList<ValueWithRevision?> values = await _client.MultiGetAsync(
                [.. keys.Select(key => new ReadOnlyMemory<byte>(HistoryKeys.Bytes(key)))], options, cancel);
            EndReads(keys, calls, values, []);
            _history.Count("multi-get", CallEnd.Answered);
        }
        catch (KvMultiGetException cause)
        {
            EndReads(keys, calls, cause.Values, cause.FailedKeys);
            _history.Count("multi-get", CallEnd.Failed);
        }
        catch (Exception cause) when (IsExpected(cause))
        {
            _history.Count("multi-get", End(calls, cause));
        }
    }

    private void EndReads(
        int[] keys, long[] calls, IReadOnlyList<ValueWithRevision?> values, IReadOnlyList<int> failed)
    {
        long now = _history.Now;
        for (int i = 0; i < keys.Length; i++)
        {
            if (failed.Contains(i))
            {
                _history.EndedWithoutEffect(calls[i]);
            }
            else
            {
                _history.Returned(calls[i], now, new OperationResult { Seen = Seen(keys[i], values[i]) });
            }
        }
    }

    private Task PutIfAbsentAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        string value = NextValue();
        return OneAsync(
            "put-if-absent",
            key,
            OperationKind.PutIfAbsent,
            async () => Receipt(
                key, await _client.PutIfAbsentAsync(HistoryKeys.Bytes(key), HistoryKeys.Bytes(value), cancel)),
            value);
    }

    private Task GetAndPutAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        string value = NextValue();
        return OneAsync(
            "get-and-put",
            key,
            OperationKind.GetAndPut,
            async () =>
            {
                try
                {
                    return new OperationResult
                    {
                        Seen = Seen(
                            key,
                            await _client.GetAndPutAsync(HistoryKeys.Bytes(key), HistoryKeys.Bytes(value), cancel)),
                    };
                }
                catch (KvResultDroppedException dropped)
                {
                    return Receipt(dropped.Receipt);
                }
            },
            value);
    }

    private async Task CompareAndPutAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        (string by, Expectation expected) = await ExpectAsync(key, mayBeAbsent: true);
        string value = NextValue();
        await OneAsync(
            "compare-put " + by,
            key,
            OperationKind.CompareAndPut,
            async () => Receipt(
                key,
                await _client.CompareAndPutAsync(
                    HistoryKeys.Bytes(key), ToClient(expected), HistoryKeys.Bytes(value), cancel)),
            value,
            expected);
    }

    private async Task CompareAndDeleteAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        (string by, Expectation expected) = await ExpectAsync(key, mayBeAbsent: false);
        await OneAsync(
            "compare-delete " + by,
            key,
            OperationKind.CompareAndDelete,
            async () => Receipt(
                key, await _client.CompareAndDeleteAsync(HistoryKeys.Bytes(key), ToClient(expected), cancel)),
            expected: expected);
    }

    /// <summary>
    /// What to expect of a key: what it is like, read just now or some time ago. Of an absent one, where that may not
    /// be expected, something that it never was.
    /// </summary>
    private async Task<(string By, Expectation Expected)> ExpectAsync(int key, bool mayBeAbsent)
    {
        if (_random.Chance(0.5) || !_seenLast.ContainsKey(key))
        {
            await LookAsync(key);
        }

        Observation? last = _seenLast.GetValueOrDefault(key);
        if (last is null && mayBeAbsent)
        {
            return ("absent", Expectation.Absent);
        }

        return _random.Chance(0.5)
            ? ("value", Expectation.OfValue(last?.Value ?? HistoryKeys.Value(_number, 0)))
            : ("revision", Expectation.OfRevision(last?.Revision ?? 1));
    }

    /// <summary>Reads a key and keeps what was seen for comparisons; forgets it when it cannot be read.</summary>
    private async Task LookAsync(int key)
    {
        KvReadMode mode = AnyMode;
        _seenLast.Remove(key);
        await OneAsync(
            $"get {mode}",
            key,
            OperationKind.Get,
            async () =>
            {
                OperationResult read = await ReadAsync(key, mode, CancellationToken.None);
                _seenLast[key] = read.Seen is { Found: true, Value: not null } seen ? seen : null;
                return read;
            });
    }

    /// <summary>
    /// Each key of the range is a delete of its own. When the call ends on the way, what lies before the place it tells
    /// was deleted; of the rest nothing is known.
    /// </summary>
    private async Task DeleteRangeAsync(CancellationToken cancel)
    {
        int count = 1 + _random.Next(RangeKeysMax);
        int first = _random.Next(HistoryKeys.Count - count + 1);
        int[] keys = [.. Enumerable.Range(first, count)];
        long[] calls = [.. keys.Select(key => _history.Called(_number, key, OperationKind.DeleteRange))];
        try
        {
            DeleteRangeResult result = await _client.DeleteRangeAsync(
                HistoryKeys.Bound(first), HistoryKeys.Bound(first + count), cancel);
            long now = _history.Now;
            if (!result.Finished)
            {
                _history.Report("a deletion of a range ended without an error and is not finished");
            }

            Array.ForEach(calls, id => _history.Returned(id, now, OperationResult.Done));
            _history.Count("delete range", CallEnd.Answered);
        }
        catch (KvDeleteRangeException cause)
        {
            long now = _history.Now;
            for (int i = 0; i < count; i++)
            {
                if (cause.Result.Next.Span.SequenceCompareTo(HistoryKeys.Bytes(keys[i])) > 0)
                {
                    _history.Returned(calls[i], now, OperationResult.Done);
                }
                else
                {
                    _history.EndedUnknown(calls[i]);
                }
            }

            _history.Count("delete range", CallEnd.Unknown);
        }
        catch (Exception cause) when (IsExpected(cause))
        {
            _history.Count("delete range", End(calls, cause));
        }
    }

    private Task NextSequenceAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        long step = 1 + _random.Next(SequenceStepMax);
        return OneAsync(
            "sequence next",
            key,
            OperationKind.Sequence,
            async () =>
            {
                try
                {
                    SequenceBlock block = await _client.NextSequenceAsync(HistoryKeys.Bytes(key), step, cancel);
                    return new OperationResult { Start = block.Start };
                }
                catch (KvSequenceExhaustedException)
                {
                    return new OperationResult { Succeeded = false };
                }
            },
            number: step);
    }

    private Task GetSequenceAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        return OneAsync(
            "sequence get",
            key,
            OperationKind.Sequence,
            async () => new OperationResult
            {
                Start = await _client.GetSequenceAsync(HistoryKeys.Bytes(key), cancel),
            });
    }

    private Task ResetSequenceAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        long next = _random.Chance(0.2) ? long.MaxValue - SequenceStepMax : _random.Next(SequenceStartMax);
        return OneAsync(
            "sequence reset",
            key,
            OperationKind.SequenceReset,
            async () => new OperationResult
            {
                Start = await _client.ResetSequenceAsync(HistoryKeys.Bytes(key), next, cancel),
            },
            number: next);
    }

    /// <summary>Of a put that was not applied, the revision says nothing about the key.</summary>
    private OperationResult Receipt(int key, ConditionalReceipt receipt) => receipt switch
    {
        { Applied: true } => new OperationResult { Revision = (long)receipt.Revision },
        { CurrentDropped: true } => new OperationResult { Succeeded = false },
        _ => new OperationResult { Succeeded = false, Seen = Seen(key, receipt.Current) },
    };

    private static KvExpectation ToClient(Expectation expected) => expected.Kind switch
    {
        ExpectationKind.Value => KvExpectation.Value(HistoryKeys.Bytes(expected.Value!)),
        ExpectationKind.Revision => KvExpectation.Revision((ulong)expected.Revision),
        _ => KvExpectation.Absent,
    };
}
