// Owns one native write batch. One user at a time; the bytes are copied in by each call.
using System.Runtime.InteropServices;
using Kv.Base;

namespace Kv.Engine.RocksDb;

internal sealed unsafe class RocksDbBatch : IEngineBatch
{
    // A batch is a header of 12 bytes; a record has a kind, a family and its lengths before the bytes.
    private const int HeaderBytes = 12;
    private const int RecordBytes = 8;

    private readonly NativeBatch _handle;

    internal RocksDbBatch(DatabaseHandle database)
    {
        _handle = new NativeBatch(database);
        ByteCount = HeaderBytes;
    }

    public int Count { get; private set; }

    public long ByteCount { get; private set; }

    internal DatabaseHandle Database => _handle.Database;

    internal nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle.Pointer;
        }
    }

    public void Put(ColumnFamily family, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* k = key, v = value)
        {
            Native.BatchPut(
                Pointer, Database.Family(family), Native.OrEmpty(k), (nuint)key.Length, Native.OrEmpty(v),
                (nuint)value.Length);
        }

        Added(key.Length + value.Length);
    }

    public void Delete(ColumnFamily family, ReadOnlySpan<byte> key)
    {
        fixed (byte* k = key)
        {
            Native.BatchDelete(Pointer, Database.Family(family), Native.OrEmpty(k), (nuint)key.Length);
        }

        Added(key.Length);
    }

    public void DeleteRange(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        Invariant.Require(start.SequenceCompareTo(end) < 0);
        fixed (byte* s = start, e = end)
        {
            Native.BatchDeleteRange(
                Pointer, Database.Family(family), Native.OrEmpty(s), (nuint)start.Length, e, (nuint)end.Length);
        }

        Added(start.Length + end.Length);
    }

    public void Clear()
    {
        Native.BatchClear(Pointer);
        GC.KeepAlive(_handle);
        Count = 0;
        ByteCount = HeaderBytes;
    }

    public void Dispose() => _handle.Dispose();

    private void Added(int bytes)
    {
        GC.KeepAlive(_handle);
        Count++;
        ByteCount += RecordBytes + bytes;
    }

    private sealed class NativeBatch : SafeHandle
    {
        internal NativeBatch(DatabaseHandle database)
            : base(0, ownsHandle: true)
        {
            // Records name column families by their handles, which live as long as the database.
            bool added = false;
            database.DangerousAddRef(ref added);
            Database = database;
            SetHandle(Native.BatchCreate());
        }

        public override bool IsInvalid => handle == 0;

        internal DatabaseHandle Database { get; }

        internal nint Pointer => handle;

        protected override bool ReleaseHandle()
        {
            Native.BatchDestroy(handle);
            Database.DangerousRelease();
            return true;
        }
    }
}
