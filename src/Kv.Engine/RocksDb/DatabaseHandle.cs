// Owns an open database: its pointer, its column families, and the options they stand on. Everything made from a
// database (iterators, snapshots, writers) holds a reference, so the folder is closed when the last of them is gone and
// never under a running call.
using System.Runtime.InteropServices;
using Kv.Base;

namespace Kv.Engine.RocksDb;

internal sealed unsafe class DatabaseHandle : SafeHandle
{
    // Index = ColumnFamily. The last is RocksDB's mandatory one.
    private static readonly string[] FamilyNames = ["data", "aux", "meta", "default"];

    private const int PerfLevelOff = 1;

    [ThreadStatic]
    private static bool _isPerfOff;

    private readonly nint[] _families = new nint[FamilyNames.Length];
    private readonly DatabaseOptions _options;

    private DatabaseHandle(DatabaseOptions options)
        : base(0, ownsHandle: true) => _options = options;

    public override bool IsInvalid => handle == 0;

    internal nint Pointer => handle;

    internal DatabaseOptions Options => _options;

    internal static DatabaseHandle Open(string folder, DatabaseOptions options)
    {
        var database = new DatabaseHandle(options);
        int count = FamilyNames.Length;
        byte** names = stackalloc byte*[count];
        nint* familyOptions = stackalloc nint[count];
        byte* error = null;
        try
        {
            for (int i = 0; i < count; i++)
            {
                names[i] = (byte*)Marshal.StringToCoTaskMemUTF8(FamilyNames[i]);
                familyOptions[i] = options.FamilyPointer(i);
            }

            fixed (nint* families = database._families)
            {
                nint pointer = Native.OpenColumnFamilies(
                    options.Database.Pointer, folder, count, names, familyOptions, families, &error);
                if (error is not null)
                {
                    throw new EngineException(DescribeOpenFailure(folder, RocksDbError.Take(error)));
                }

                database.SetHandle(pointer);
            }

            return database;
        }
        catch
        {
            database.Dispose();
            options.Dispose();
            throw;
        }
        finally
        {
            for (int i = 0; i < count; i++)
            {
                Marshal.FreeCoTaskMem((nint)names[i]);
            }
        }
    }

    internal nint Family(ColumnFamily family)
    {
        Invariant.Require(family <= ColumnFamily.Meta);
        return _families[(int)family];
    }

    /// <summary>
    /// Keeps the database open until disposed. Throws <see cref="ObjectDisposedException"/> when it is closed. Whatever
    /// enters does so here, so it is also where RocksDB is told to count nothing per thread: its counters, which nobody
    /// reads, cost a look into thread-local memory for every key compared.
    /// </summary>
    internal Use Enter()
    {
        if (!_isPerfOff)
        {
            _isPerfOff = true;
            Native.SetPerfLevel(PerfLevelOff);
        }

        return new(this);
    }

    protected override bool ReleaseHandle()
    {
        foreach (nint family in _families)
        {
            Native.ColumnFamilyHandleDestroy(family);
        }

        Native.Close(handle);
        _options.Dispose();
        return true;
    }

    private static string DescribeOpenFailure(string folder, string error)
    {
        if (error.Contains("lock hold by current process", StringComparison.Ordinal))
        {
            return $"engine folder {folder} is already open in this process";
        }

        return error.Contains("While lock file", StringComparison.Ordinal)
            ? $"engine folder {folder} is in use by another process ({error})"
            : $"engine open failed: {error} ({folder})";
    }

    internal readonly ref struct Use
    {
        private readonly DatabaseHandle _database;

        internal Use(DatabaseHandle database)
        {
            bool added = false;
            database.DangerousAddRef(ref added);
            _database = database;
        }

        internal nint Pointer => _database.handle;

        public void Dispose() => _database.DangerousRelease();
    }
}
