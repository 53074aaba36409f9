using Kv.Client;

namespace Kv.Bench;

/// <summary>This system, through its client library.</summary>
internal sealed class KvTarget(KvClient client) : ITarget
{
    public string Name => "kvstore";

    public static async Task<KvTarget> ConnectAsync(IReadOnlyList<string> seeds) =>
        new(await KvClient.ConnectAsync(new KvClientOptions { Seeds = seeds }, CancellationToken.None));

    public Task PutAsync(byte[] key, byte[] value, CancellationToken cancellationToken) =>
        client.PutAsync(key, value, cancellationToken).AsTask();

    public async Task<ReadOnlyMemory<byte>?> GetAsync(byte[] key, CancellationToken cancellationToken) =>
        await client.GetAsync(key, null, cancellationToken);

    public async Task<int> ScanAsync(
        byte[] start, byte[] end, int count, Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> row,
            CancellationToken cancellationToken)
    {
        int rows = 0;
        var range = new ScanOptions { Start = start, End = end, Limit = count };
        await foreach (KeyValueEntry entry in client.ScanAsync(range, cancellationToken))
        {
            row(entry.Key.Span, entry.Value.Span);
            rows++;
        }

        return rows;
    }

    public ValueTask DisposeAsync() => client.DisposeAsync();
}
