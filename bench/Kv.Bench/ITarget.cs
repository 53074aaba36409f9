namespace Kv.Bench;

/// <summary>
/// What is measured: a store of bytes, reached over its own client. Every value read is checked by the caller.
/// </summary>
internal interface ITarget : IAsyncDisposable
{
    string Name { get; }

    Task PutAsync(byte[] key, byte[] value, CancellationToken cancellationToken);

    /// <summary>The value; null = absent. Linearizable.</summary>
    Task<ReadOnlyMemory<byte>?> GetAsync(byte[] key, CancellationToken cancellationToken);

    /// <summary>
    /// The first <paramref name="count"/> rows of [start, end), values included. The range is no wider than the rows
    /// asked for, because some stores look at all of a range before they cut it.
    /// </summary>
    Task<int> ScanAsync(byte[] start, byte[] end, int count, Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> row,
        CancellationToken cancellationToken);
}
