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

    /// <summary>The first <paramref name="count"/> rows from <paramref name="start"/> on, values included.</summary>
    Task<int> ScanAsync(byte[] start, int count, Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> row,
        CancellationToken cancellationToken);
}
