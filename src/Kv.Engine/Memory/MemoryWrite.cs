namespace Kv.Engine.Memory;

internal enum MemoryWriteKind : byte
{
    Put = 1,
    Delete = 2,
    DeleteRange = 3,
}

/// <summary>
/// One write of a batch or table. Value: the value, the end of a deleted range, or null for a delete.
/// </summary>
internal readonly record struct MemoryWrite(MemoryWriteKind Kind, ColumnFamily Family, byte[] Key, byte[]? Value);
