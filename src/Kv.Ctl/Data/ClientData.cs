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
