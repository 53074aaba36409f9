// Owns one native iterator with the bounds it points to. Invariants: key and value are taken only while it stands on a
// key; the end of a walk is told from a failed read on every move; the database outlives it.
using System.Runtime.InteropServices;
using Kv.Base;

namespace Kv.Engine.RocksDb;

internal sealed unsafe class RocksDbIterator : IEngineIterator
{
    private readonly IteratorHandle _handle;
    private bool _valid;

    internal RocksDbIterator(
        DatabaseHandle database,
        ColumnFamily family,
        nint snapshot,
        ReadOnlySpan<byte> start,
        ReadOnlyMemory<byte>? end,
        bool memoryTablesOnly = false) =>
        _handle = new IteratorHandle(database, family, snapshot, start, end, memoryTablesOnly);

    public bool Valid => _valid;

    public ReadOnlySpan<byte> Key
    {
        get
        {
            Invariant.Require(_valid);
            nuint length;
            byte* key = Native.IteratorKey(_handle.Pointer, &length);
            GC.KeepAlive(_handle);
            return new ReadOnlySpan<byte>(key, checked((int)length));
        }
    }

    public ReadOnlySpan<byte> Value
    {
        get
        {
            Invariant.Require(_valid);
            nuint length;
            byte* value = Native.IteratorValue(_handle.Pointer, &length);
            GC.KeepAlive(_handle);
            return new ReadOnlySpan<byte>(value, checked((int)length));
        }
    }

    public void SeekToFirst()
    {
        Native.IteratorSeekToFirst(Live());
        Settle();
    }

    public void SeekToLast()
    {
        Native.IteratorSeekToLast(Live());
        Settle();
    }

    public void Seek(ReadOnlySpan<byte> key)
    {
        fixed (byte* k = key)
        {
            Native.IteratorSeek(Live(), Native.OrEmpty(k), (nuint)key.Length);
        }

        Settle();
    }

    public void SeekForPrev(ReadOnlySpan<byte> key)
    {
        fixed (byte* k = key)
        {
            Native.IteratorSeekForPrev(Live(), Native.OrEmpty(k), (nuint)key.Length);
        }

        Settle();
    }

    public void Next()
    {
        Invariant.Require(_valid);
        Native.IteratorNext(_handle.Pointer);
        Settle();
    }

    public void Prev()
    {
        Invariant.Require(_valid);
        Native.IteratorPrev(_handle.Pointer);
        Settle();
    }

    public void Dispose()
    {
        _valid = false;
        _handle.Dispose();
    }

    private nint Live()
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        return _handle.Pointer;
    }

    private void Settle()
    {
        _valid = Native.IteratorValid(_handle.Pointer) != 0;
        if (!_valid)
        {
            byte* error = null;
            Native.IteratorError(_handle.Pointer, &error);
            RocksDbError.Check(error, "read", "iterate");
        }

        GC.KeepAlive(_handle);
    }

    private sealed class IteratorHandle : SafeHandle
    {
        private const int MemoryTableTier = 3;

        private readonly DatabaseHandle _database;
        private readonly nint _readOptions;
        private readonly byte* _bounds;

        internal IteratorHandle(
            DatabaseHandle database,
            ColumnFamily family,
            nint snapshot,
            ReadOnlySpan<byte> start,
            ReadOnlyMemory<byte>? end,
            bool memoryTablesOnly)
            : base(0, ownsHandle: true)
        {
            bool added = false;
            database.DangerousAddRef(ref added);
            _database = database;
            _readOptions = Native.ReadOptionsCreate();
            Native.ReadOptionsSetBackgroundPurge(_readOptions, 1);
            if (snapshot != 0)
            {
                Native.ReadOptionsSetSnapshot(_readOptions, snapshot);
            }

            if (memoryTablesOnly)
            {
                Native.ReadOptionsSetReadTier(_readOptions, MemoryTableTier);
            }

            // The C API keeps pointers to the bounds, so they are copied to memory that lives as long as the iterator.
            ReadOnlySpan<byte> endSpan = end.GetValueOrDefault().Span;
            _bounds = (byte*)NativeMemory.Alloc((nuint)(start.Length + endSpan.Length + 1));
            if (start.Length > 0)
            {
                start.CopyTo(new Span<byte>(_bounds, start.Length));
                Native.ReadOptionsSetLowerBound(_readOptions, _bounds, (nuint)start.Length);
            }

            if (endSpan.Length > 0)
            {
                endSpan.CopyTo(new Span<byte>(_bounds + start.Length, endSpan.Length));
                Native.ReadOptionsSetUpperBound(_readOptions, _bounds + start.Length, (nuint)endSpan.Length);
            }

            SetHandle(Native.CreateIterator(database.Pointer, _readOptions, database.Family(family)));
        }

        public override bool IsInvalid => handle == 0;

        internal nint Pointer => handle;

        protected override bool ReleaseHandle()
        {
            Native.IteratorDestroy(handle);
            Native.ReadOptionsDestroy(_readOptions);
            NativeMemory.Free(_bounds);
            _database.DangerousRelease();
            return true;
        }
    }
}
