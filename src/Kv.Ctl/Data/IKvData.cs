using Kv.Client;

namespace Kv.Ctl.Data;

/// <summary>
/// The operations on data that kvctl's commands use: on a cluster through <see cref="KvClient"/>, in tests on a
/// map in memory. Calls may run at the same time. Failures are the exceptions of Kv.Client.
/// </summary>
internal interface IKvData : IAsyncDisposable
{
    /// <summary>Null when there is no such key; an empty value is a value.</summary>
    ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    ValueTask PutAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken);

    ValueTask DeleteAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    ValueTask<bool> ExistsAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>Values in the order of the keys; null = absent.</summary>
    ValueTask<IReadOnlyList<ValueWithRevision?>> GetManyAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> keys, CancellationToken cancellationToken);

    ValueTask<ConditionalReceipt> PutIfAsync(
        ReadOnlyMemory<byte> key,
        KvExpectation expected,
        ReadOnlyMemory<byte> value,
        CancellationToken cancellationToken);

    ValueTask<ConditionalReceipt> DeleteIfAsync(
        ReadOnlyMemory<byte> key, KvExpectation expected, CancellationToken cancellationToken);

    /// <summary>What the key held before; null = absent.</summary>
    ValueTask<ValueWithRevision?> GetAndPutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken);

    /// <summary>Deletes all keys of the range; the rest of <paramref name="range"/> means nothing here.</summary>
    ValueTask<DeleteRangeResult> DeleteRangeAsync(ScanRange range, CancellationToken cancellationToken);

    ValueTask<SequenceBlock> NextSequenceAsync(
        ReadOnlyMemory<byte> key, long count, CancellationToken cancellationToken);

    ValueTask<long> GetSequenceAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>Where the sequence stood before.</summary>
    ValueTask<long> ResetSequenceAsync(ReadOnlyMemory<byte> key, long next, CancellationToken cancellationToken);

    IAsyncEnumerable<KeyValueRow> ScanAsync(ScanRange range, CancellationToken cancellationToken);

    /// <summary>
    /// The first keys of the regions, in order; the first of them is empty. A hint for cutting work into parts.
    /// </summary>
    ValueTask<IReadOnlyList<byte[]>> RegionStartsAsync(CancellationToken cancellationToken);
}
