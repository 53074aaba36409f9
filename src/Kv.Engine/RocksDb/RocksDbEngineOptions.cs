namespace Kv.Engine.RocksDb;

/// <summary>
/// Settings of one RocksDB engine. The defaults are for three stores on a small machine: about 64 MiB of cache and at
/// most about 64 MiB of memory tables each, nothing that runs while nobody writes, nothing that grows with the number
/// of regions.
/// </summary>
public sealed record RocksDbEngineOptions
{
    /// <summary>
    /// The folder RocksDB owns alone. Created, parents included, only with <see cref="CreateIfMissing"/>.
    /// </summary>
    public required string Folder { get; init; }

    /// <summary>
    /// Whether an empty or absent folder becomes a new engine. Off, an absent engine is an error: a store that has
    /// lived must never start again from nothing because a disk was not mounted.
    /// </summary>
    public bool CreateIfMissing { get; init; }

    /// <summary>Uncompressed blocks, indexes and filters of all column families.</summary>
    public long BlockCacheBytes { get; init; } = 64L << 20;

    /// <summary>One memory table of <c>data</c>. Up to three exist while flushes lag.</summary>
    public long DataWriteBufferBytes { get; init; } = 8L << 20;

    /// <summary>One memory table of <c>meta</c>, which takes a small write with every applied batch.</summary>
    public long MetaWriteBufferBytes { get; init; } = 16L << 20;

    /// <summary>One memory table of <c>aux</c>.</summary>
    public long AuxWriteBufferBytes { get; init; } = 8L << 20;

    /// <summary>All memory tables together; beyond it the fullest column family is flushed.</summary>
    public long WriteBuffersBytesMax { get; init; } = 64L << 20;

    /// <summary>
    /// All write-ahead logs together; beyond it the column family that pins the oldest is flushed. It bounds what a
    /// start after a kill has to replay.
    /// </summary>
    public long WalBytesMax { get; init; } = 128L << 20;

    /// <summary>
    /// Table files held open. Their indexes and filters live in the block cache, so one costs some kilobytes.
    /// </summary>
    public int OpenFilesMax { get; init; } = 512;

    /// <summary>Flushes and compactions at a time. Two leave a two-core machine able to serve.</summary>
    public int BackgroundJobs { get; init; } = 2;

    /// <summary>
    /// Bloom filter bits per key of <c>data</c> and <c>aux</c>; 10 give about 1% false positives. 0 is no filter.
    /// </summary>
    public double BloomBitsPerKey { get; init; } = 10;

    /// <summary>
    /// Blocks below the first two levels, which hold nearly all bytes. Younger levels stay uncompressed.
    /// </summary>
    public RocksDbCompression Compression { get; init; } = RocksDbCompression.Lz4;
}
