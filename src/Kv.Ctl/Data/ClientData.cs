using System.Runtime.CompilerServices;
using Kv.Client;

namespace Kv.Ctl.Data;

/// <summary>The data of a real cluster.</summary>
internal sealed class ClientData : IKvData
{
    private readonly KvClient _client;

    private ClientData(KvClient client) => _client = client;

    public static async ValueTask<IKvData> OpenAsync(
        ConnectionSettings settings, CancellationToken cancellationToken) =>
        new ClientData(await KvClient.ConnectAsync(
            new KvClientOptions { Seeds = settings.Seeds, OperationTimeout = settings.Timeout }, cancellationToken));

    public async ValueTask<ReadOnlyMemory<byte>?> GetAsync(
        ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        // Spelled out: a null array converts to empty memory, which is a value.
        byte[]? value = await _client.GetAsync(key, cancellationToken: cancellationToken);
        return value is null ? default(ReadOnlyMemory<byte>?) : new ReadOnlyMemory<byte>(value);
    }

    public async ValueTask PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        await _client.PutAsync(key, value, cancellationToken);

    public async ValueTask DeleteAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        await _client.DeleteAsync(key, cancellationToken);

    public ValueTask<bool> ExistsAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        _client.ExistsAsync(key, cancellationToken: cancellationToken);

    public ValueTask<IReadOnlyList<ValueWithRevision?>> GetManyAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> keys, CancellationToken cancellationToken) =>
        _client.MultiGetAsync(keys, cancellationToken: cancellationToken);

    public ValueTask<ConditionalReceipt> PutIfAsync(
        ReadOnlyMemory<byte> key,
        KvExpectation expected,
        ReadOnlyMemory<byte> value,
        CancellationToken cancellationToken) => expected == KvExpectation.Absent
            ? _client.PutIfAbsentAsync(key, value, cancellationToken)
            : _client.CompareAndPutAsync(key, expected, value, cancellationToken);

    public ValueTask<ConditionalReceipt> DeleteIfAsync(
        ReadOnlyMemory<byte> key, KvExpectation expected, CancellationToken cancellationToken) =>
        _client.CompareAndDeleteAsync(key, expected, cancellationToken);

    public ValueTask<ValueWithRevision?> GetAndPutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        _client.GetAndPutAsync(key, value, cancellationToken);

    public ValueTask<DeleteRangeResult> DeleteRangeAsync(ScanRange range, CancellationToken cancellationToken) =>
        range.IsEmpty
            ? ValueTask.FromResult(new DeleteRangeResult { RegionCount = 0, Next = default, Finished = true })
            : _client.DeleteRangeAsync(range.Start, range.End ?? [], cancellationToken);

    public ValueTask<SequenceBlock> NextSequenceAsync(
        ReadOnlyMemory<byte> key, long count, CancellationToken cancellationToken) =>
        _client.NextSequenceAsync(key, count, cancellationToken);

    public ValueTask<long> GetSequenceAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        _client.GetSequenceAsync(key, cancellationToken);

    public ValueTask<long> ResetSequenceAsync(
        ReadOnlyMemory<byte> key, long next, CancellationToken cancellationToken) =>
        _client.ResetSequenceAsync(key, next, cancellationToken);

    public async IAsyncEnumerable<KeyValueRow> ScanAsync(
        ScanRange range, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (range.IsEmpty)
        {
            yield break;
        }

        var options = new ScanOptions
        {
            Start = range.Start,
            End = range.End ?? ReadOnlyMemory<byte>.Empty,
            Reverse = range.Reverse,
            KeysOnly = range.KeysOnly,
            Limit = range.Limit == 0 ? null : range.Limit,
        };
        await foreach (KeyValueEntry entry in _client.ScanAsync(options, cancellationToken))
        {
            yield return new KeyValueRow(entry.Key, entry.Value);
        }
    }

    public async ValueTask<IReadOnlyList<byte[]>> RegionStartsAsync(CancellationToken cancellationToken) =>
        (await _client.RegionsAsync(cancellationToken: cancellationToken)).Select(region =>
            region.StartKey.ToArray()).ToArray();

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
