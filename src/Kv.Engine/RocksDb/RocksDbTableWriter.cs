// Owns one table file being written outside the database. Invariants: range tombstones come before keys, keys rise; a
// file that was not finished is not a table.
using System.Runtime.InteropServices;
using Kv.Base;

namespace Kv.Engine.RocksDb;

internal sealed unsafe class RocksDbTableWriter : IEngineTableWriter
{
    private readonly string _path;
    private readonly TableWriterHandle _handle;
    private bool _hasKeys;
    private bool _finished;

    internal RocksDbTableWriter(DatabaseHandle database, string path)
    {
        _path = path;
        _handle = new TableWriterHandle(database);
        byte* error = null;
        Native.TableWriterOpen(_handle.Pointer, path, &error);
        if (error is not null)
        {
            _handle.Dispose();
        }

        RocksDbError.Check(error, "table open", path);
    }

    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        Invariant.Require(!_hasKeys && start.SequenceCompareTo(end) < 0);
        byte* error = null;
        fixed (byte* s = start, e = end)
        {
            Native.TableWriterDeleteRange(Live(), Native.OrEmpty(s), (nuint)start.Length, e, (nuint)end.Length, &error);
        }

        RocksDbError.Check(error, "table write", _path);
    }

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        byte* error = null;
        fixed (byte* k = key, v = value)
        {
            Native.TableWriterPut(
                Live(), Native.OrEmpty(k), (nuint)key.Length, Native.OrEmpty(v), (nuint)value.Length, &error);
        }

        RocksDbError.Check(error, "table write", _path);
        _hasKeys = true;
    }

    public long Finish()
    {
        byte* error = null;
        Native.TableWriterFinish(Live(), &error);
        RocksDbError.Check(error, "table finish", _path);
        _finished = true;
        ulong size;
        Native.TableWriterFileSize(_handle.Pointer, &size);
        GC.KeepAlive(_handle);
        return checked((long)size);
    }

    public void Dispose() => _handle.Dispose();

    private nint Live()
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        Invariant.Require(!_finished);
        return _handle.Pointer;
    }

    private sealed class TableWriterHandle : SafeHandle
    {
        private readonly DatabaseHandle _database;
        private readonly nint _fileOptions;

        internal TableWriterHandle(DatabaseHandle database)
            : base(0, ownsHandle: true)
        {
            // The writer's table format points at the database's options (cache, filter), so it keeps them alive.
            bool added = false;
            database.DangerousAddRef(ref added);
            _database = database;
            _fileOptions = Native.FileOptionsCreate();
            SetHandle(Native.TableWriterCreate(_fileOptions, database.Options.FamilyPointer((int)ColumnFamily.Data)));
        }

        public override bool IsInvalid => handle == 0;

        internal nint Pointer => handle;

        protected override bool ReleaseHandle()
        {
            Native.TableWriterDestroy(handle);
            Native.FileOptionsDestroy(_fileOptions);
            _database.DangerousRelease();
            return true;
        }
    }
}
