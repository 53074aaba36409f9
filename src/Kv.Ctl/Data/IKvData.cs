namespace Kv.Ctl.Data;

/// <summary>
/// The operations on data that kvctl's commands use: on a cluster through <see cref="Client.KvClient"/>, in tests on a
/// map in memory. Calls may run at the same time. Failures are the exceptions of Kv.Client.
/// </summary>
internal interface IKvData : IAsyncDisposable
{
    /// <summary>Null when there is no such key; an empty value is a value.</summary>
    ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    ValueTask PutAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken);

    ValueTask DeleteAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    IAsyncEnumerable<KeyValueRow> ScanAsync(ScanRange range, CancellationToken cancellationToken);

    /// <summary>
    /// The first keys of the regions, in order; the first of them is empty. A hint for cutting work into parts.
    /// </summary>
    ValueTask<IReadOnlyList<byte[]>> RegionStartsAsync(CancellationToken cancellationToken);
}
