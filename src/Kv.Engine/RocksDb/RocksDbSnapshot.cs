// Owns one snapshot of the database. Invariant: the read options name a snapshot that is not released before they are
// gone.
using System.Buffers;
using System.Runtime.InteropServices;

namespace Kv.Engine.RocksDb;

internal sealed class RocksDbSnapshot : IEngineSnapshot
{
    private readonly DatabaseHandle _database;
    private readonly SnapshotHandle _snapshot;

    internal RocksDbSnapshot(DatabaseHandle database)
    {
        _database = database;
        _snapshot = new SnapshotHandle(database);
    }

    public byte[]? Get(ColumnFamily family, ReadOnlySpan<byte> key)
    {
        byte[]? value = ReadView.Get(_database, _snapshot.ReadOptions, family, key);
        GC.KeepAlive(_snapshot);
        return value;
    }

    public bool TryRead<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read)
    {
        bool found = ReadView.TryRead(_database, _snapshot.ReadOptions, family, key, state, read);
        GC.KeepAlive(_snapshot);
        return found;
    }

    public IEngineIterator Iterate(ColumnFamily family, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end)
    {
        var iterator = new RocksDbIterator(_database, family, _snapshot.Pointer, start.Span, end);
        GC.KeepAlive(_snapshot);
        return iterator;
    }

    public void Dispose() => _snapshot.Dispose();

    private sealed class SnapshotHandle : SafeHandle
    {
        private readonly DatabaseHandle _database;
        private readonly nint _readOptions;

        internal SnapshotHandle(DatabaseHandle database)
            : base(0, ownsHandle: true)
        {
            bool added = false;
            database.DangerousAddRef(ref added);
            _database = database;
            SetHandle(Native.CreateSnapshot(database.Pointer));
            _readOptions = Native.ReadOptionsCreate();
            Native.ReadOptionsSetSnapshot(_readOptions, handle);
        }

        public override bool IsInvalid => handle == 0;

        internal nint Pointer
        {
            get
            {
                ObjectDisposedException.ThrowIf(IsClosed, typeof(RocksDbSnapshot));
                return handle;
            }
        }

        internal nint ReadOptions
        {
            get
            {
                ObjectDisposedException.ThrowIf(IsClosed, typeof(RocksDbSnapshot));
                return _readOptions;
            }
        }

        protected override bool ReleaseHandle()
        {
            Native.ReadOptionsDestroy(_readOptions);
            Native.ReleaseSnapshot(_database.Pointer, handle);
            _database.DangerousRelease();
            return true;
        }
    }
}
