namespace Kv.Engine.RocksDb;

/// <summary>Compression of table blocks, by RocksDB's own numbers.</summary>
public enum RocksDbCompression
{
    None = 0,
    Lz4 = 4,
    Zstd = 7,
}
