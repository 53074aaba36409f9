// Owns the writes of one batch. The arrays made here go into the tree as they are and are never changed.
using Kv.Base;

namespace Kv.Engine.Memory;

internal sealed class MemoryBatch(MemoryEngine engine) : IEngineBatch
{
    private const int RecordBytes = 8;

    public int Count => Writes.Count;

    public long ByteCount { get; private set; }

    internal MemoryEngine Engine { get; } = engine;

    internal List<MemoryWrite> Writes { get; } = [];

    public void Put(ColumnFamily family, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        Add(MemoryWriteKind.Put, family, key.ToArray(), value.ToArray());

    public void Delete(ColumnFamily family, ReadOnlySpan<byte> key) =>
        Add(MemoryWriteKind.Delete, family, key.ToArray(), null);

    public void DeleteRange(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        Invariant.Require(start.SequenceCompareTo(end) < 0);
        Add(MemoryWriteKind.DeleteRange, family, start.ToArray(), end.ToArray());
    }

    public void Clear()
    {
        Writes.Clear();
        ByteCount = 0;
    }

    public void Dispose() => Clear();

    private void Add(MemoryWriteKind kind, ColumnFamily family, byte[] key, byte[]? value)
    {
        Invariant.Require(family <= ColumnFamily.Meta);
        Writes.Add(new MemoryWrite(kind, family, key, value));
        ByteCount += RecordBytes + key.Length + (value?.Length ?? 0);
    }
}
