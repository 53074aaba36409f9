// Owns one client of a history: its KvClient, its random numbers, and one operation at a time. It writes down what it
// asked and what it was told, with nothing left out that may have taken effect; judging is for the checker.
using Kv.Base;
using Kv.Client;
using Kv.Testing.History;

namespace Kv.Cluster.Tests.Histories;

internal sealed partial class HistoryClient : IAsyncDisposable
{
    private const int ThinkMsMax = 10;
    private const int BatchKeysMax = 5;
    private const double CancelChance = 0.02;
    private const int CancelMsMax = 25;
    private const double HotChance = 0.4;
    private const double ResolveChance = 0.7;

    private readonly int _number;
    private readonly KvClient _client;
    private readonly DeterministicRandom _random;
    private readonly SharedHistory _history;
    private readonly (int Weight, Func<CancellationToken, Task> Run)[] _kinds;
    private readonly int _weights;
    private long _values;
    private int? _unresolved;

    public HistoryClient(int number, KvClient client, DeterministicRandom random, SharedHistory history)
    {
        _number = number;
        _client = client;
        _random = random;
        _history = history;
        _kinds = [.. PlainKinds(), .. GuardedKinds()];
        _weights = _kinds.Sum(kind => kind.Weight);
    }

    private int AnyKey => _random.Chance(HotChance)
        ? _random.Next(2) * (HistoryKeys.Count / 2)
        : _random.Next(HistoryKeys.Count);

    private KvReadMode AnyMode => _random.Chance(0.5) ? KvReadMode.Lease : KvReadMode.ReadIndex;

    /// <summary>One operation after the other until stopped; the last one ends by itself.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await NextAsync();
            await Task.Delay(_random.Next(ThinkMsMax), CancellationToken.None);
        }
    }

    /// <summary>
    /// Reads every key in every way, and every sequence. A failure is the caller's: nothing is broken any more.
    /// </summary>
    public async Task ReadAllAsync()
    {
        for (int key = 0; key < HistoryKeys.Count; key++)
        {
            foreach (KvReadMode mode in Enum.GetValues<KvReadMode>())
            {
                long id = _history.Called(_number, key, OperationKind.Get);
                _history.Returned(id, await ReadAsync(key, mode, CancellationToken.None));
            }

            long sequence = _history.Called(_number, key, OperationKind.Sequence);
            long start = await _client.GetSequenceAsync(HistoryKeys.Bytes(key), CancellationToken.None);
            _history.Returned(sequence, new OperationResult { Start = start });
        }

        await ReadRowsAsync(0, HistoryKeys.Count, new ScanOptions(), CancellationToken.None);
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>
    /// Often a key is read after an operation on it came to nothing, as people do. That goes where the operation went:
    /// a store that sleeps past its lease and wakes finds these reads first.
    /// </summary>
    private async Task NextAsync()
    {
        if (_unresolved is { } key && _random.Chance(ResolveChance))
        {
            _unresolved = null;
            await OneAsync(
                "get to resolve",
                key,
                OperationKind.Get,
                () => ReadAsync(key, KvReadMode.Lease, CancellationToken.None));
            return;
        }

        int draw = _random.Next(_weights);
        int place = 0;
        while (draw >= _kinds[place].Weight)
        {
            draw -= _kinds[place++].Weight;
        }

        if (!_random.Chance(CancelChance))
        {
            await _kinds[place].Run(CancellationToken.None);
            return;
        }

        using var cancel = new CancellationTokenSource(_random.Next(CancelMsMax));
        await _kinds[place].Run(cancel.Token);
    }

    private IEnumerable<(int Weight, Func<CancellationToken, Task> Run)> PlainKinds()
    {
        yield return (16, GetAsync);
        yield return (6, ScanAsync);
        yield return (18, PutAsync);
        yield return (4, DeleteAsync);
        yield return (9, BatchAsync);
    }

    private string NextValue() => HistoryKeys.Value(_number, ++_values);

    private Task GetAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        KvReadMode mode = AnyMode;
        return OneAsync($"get {mode}", key, OperationKind.Get, () => ReadAsync(key, mode, cancel));
    }

    private Task PutAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        string value = NextValue();
        return OneAsync(
            "put",
            key,
            OperationKind.Put,
            async () => Receipt(await _client.PutAsync(HistoryKeys.Bytes(key), HistoryKeys.Bytes(value), cancel)),
            value);
    }

    private Task DeleteAsync(CancellationToken cancel)
    {
        int key = AnyKey;
        return OneAsync(
            "delete",
            key,
            OperationKind.Delete,
            async () => Receipt(await _client.DeleteAsync(HistoryKeys.Bytes(key), cancel)));
    }

    private async Task<OperationResult> ReadAsync(int key, KvReadMode mode, CancellationToken cancel)
    {
        var options = new GetOptions { Mode = mode };
        return new OperationResult
        {
            Seen = Seen(key, await _client.GetWithRevisionAsync(HistoryKeys.Bytes(key), options, cancel)),
        };
    }

    private static OperationResult Receipt(WriteReceipt receipt) => new() { Revision = (long)receipt.Revision };

    private Observation Seen(int key, ValueWithRevision? read) =>
        read is { } value ? Seen(key, value.Value, value.Revision) : new Observation(Found: false);

    private Observation Seen(int key, ReadOnlyMemory<byte> bytes, ulong revision)
    {
        if (HistoryKeys.Text(bytes.Span) is { } text)
        {
            return new Observation(Found: true, text, (long)revision);
        }

        _history.Report(
            $"{HistoryKeys.Name(key)} r{revision}: {bytes.Length} bytes that nobody put: "
            + Convert.ToHexString(bytes.Span[..Math.Min(bytes.Length, 40)]));
        return new Observation(Found: true, Value: null, (long)revision);
    }

    /// <summary>An operation on one key, from its call to its end.</summary>
    private async Task OneAsync(
        string name, int key, OperationKind kind, Func<Task<OperationResult>> call, string? value = null,
        Expectation? expected = null, long number = 0)
    {
        long id = _history.Called(_number, key, kind, value, expected, number);
        try
        {
            OperationResult result = await call();
            _history.Returned(id, result);
            _unresolved = null;
            _history.Count(name, result.Succeeded ? CallEnd.Answered : CallEnd.NotMet);
        }
        catch (Exception cause) when (IsExpected(cause))
        {
            _unresolved = key;
            _history.Count(name, End([id], cause));
        }
    }

    /// <summary>
    /// What a client may be told when stores fail and calls are cancelled. Anything else ends the test.
    /// </summary>
    private static bool IsExpected(Exception cause) =>
        cause is (KvException and not KvInvalidRequestException) or OperationCanceledException;

    /// <summary>Only an exception that says so leaves a write open; every other one says "no effect, ever".</summary>
    private CallEnd End(IEnumerable<long> ids, Exception cause)
    {
        bool isUnknown = cause is KvException { MaybeApplied: true };
        foreach (long id in ids)
        {
            if (isUnknown)
            {
                _history.EndedUnknown(id);
            }
            else
            {
                _history.EndedWithoutEffect(id);
            }
        }

        return isUnknown ? CallEnd.Unknown : CallEnd.Failed;
    }
}
