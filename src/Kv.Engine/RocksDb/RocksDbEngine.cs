// Owns the RocksDB engine of a store: the contract of IEngine over one database with the column families data, aux and
// meta.
// Invariants: the WAL is on for every write; nothing is written after a failed write, flush or sync (Cut, Sync laws);
// the folder is made only when told, and never repaired by deleting.
using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Kv.Engine.RocksDb;

/// <summary>
/// The default engine. See <see cref="IEngine"/> for the contract. Disposing it does not sync: what was written and not
/// synced survives the end of the process, not a power cut. With iterators, snapshots, batches or table writers still
/// open, the folder stays locked until the last of them is disposed.
/// </summary>
public sealed unsafe class RocksDbEngine : IEngine
{
    // Beside the tables made of the log: manifest, options, a new log's head.
    private const long OpenBytesMin = 2 << 20;

    // An estimate walks at most this many keys of the memory tables, about a millisecond.
    private const int EstimateKeysMax = 4096;

    private readonly string _folder;
    private readonly DatabaseHandle _database;
    private bool _disposed;

    // Written once by whichever thread fails first, read by all.
    private string? _failure;
    private readonly Lock _syncing = new();

    private RocksDbEngine(string folder, DatabaseHandle database)
    {
        _folder = folder;
        _database = database;
    }

    // A handle that others hold open is not closed by its own Dispose, so the engine keeps its own word for it.
    private DatabaseHandle Database
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
            return _database;
        }
    }

    private DatabaseOptions Options => _database.Options;

    /// <summary>
    /// Opens the folder and replays its write-ahead log; what was replayed is durable on return. Throws
    /// <see cref="EngineException"/> with one line when librocksdb is missing, the folder is absent and not to be
    /// created, is open elsewhere, or is damaged.
    /// </summary>
    public static RocksDbEngine Open(RocksDbEngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RocksDbLibrary.EnsureLoaded();
        string folder = Path.GetFullPath(options.Folder);
        PrepareFolder(folder, options.CreateIfMissing);
        RequireRoom(folder);
        return new RocksDbEngine(
            folder, DatabaseHandle.Open(folder, new DatabaseOptions(options, options.CreateIfMissing)));
    }

    public byte[]? Get(ColumnFamily family, ReadOnlySpan<byte> key) =>
        ReadView.Get(Database, Options.Read.Pointer, family, key);

    public bool TryRead<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        return ReadView.TryRead(Database, Options.Read.Pointer, family, key, state, read);
    }

    public CachedRead TryReadCached<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        return ReadView.TryReadCached(Database, Options.ReadCached.Pointer, family, key, state, read);
    }

    public IEngineIterator Iterate(ColumnFamily family, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end) =>
        new RocksDbIterator(Database, family, snapshot: 0, start.Span, end);

    public IEngineSnapshot Snapshot() => new RocksDbSnapshot(Database);

    public IEngineBatch NewBatch() => new RocksDbBatch(Database);

    public void Write(IEngineBatch batch, bool sync)
    {
        if (batch is not RocksDbBatch own || own.Database != _database)
        {
            throw new ArgumentException("the batch was made by another engine", nameof(batch));
        }

        if (own.Count == 0)
        {
            // RocksDB would not sync for it, and its caller asked for everything before it to be durable.
            if (sync)
            {
                SyncWal();
            }

            return;
        }

        using DatabaseHandle.Use use = EnterWrite();
        byte* error = null;
        Native.Write(use.Pointer, (sync ? Options.WriteSynced : Options.WriteUnsynced).Pointer, own.Pointer, &error);
        CheckWrite(error, sync ? "synced write" : "write");
        GC.KeepAlive(own);
    }

    public void SyncWal()
    {
        lock (_syncing)
        {
            using DatabaseHandle.Use use = EnterWrite();
            byte* error = null;
            Native.FlushWal(use.Pointer, sync: 1, &error);
            CheckWrite(error, "WAL sync");
        }
    }

    public void Flush()
    {
        using DatabaseHandle.Use use = EnterWrite();
        for (ColumnFamily family = ColumnFamily.Data; family <= ColumnFamily.Meta; family++)
        {
            byte* error = null;
            Native.FlushFamily(use.Pointer, Options.Flush.Pointer, _database.Family(family), &error);
            CheckWrite(error, "flush");
        }
    }

    /// <remarks>
    /// RocksDB's C API counts table files only, so the memory tables are walked, up to a bound; beyond it they count
    /// whole.
    /// The error is at most the size of the memory tables.
    /// </remarks>
    public ulong EstimateBytes(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> endOrEmpty)
    {
        using DatabaseHandle.Use use = Database.Enter();
        ReadOnlySpan<byte> end = endOrEmpty.IsEmpty ? AfterLastKey : endOrEmpty;
        ulong bytes = 0;
        byte* error = null;
        fixed (byte* s = start, e = end)
        {
            byte* startPointer = Native.OrEmpty(s);
            byte* endPointer = e;
            var startLength = (nuint)start.Length;
            var endLength = (nuint)end.Length;
            Native.ApproximateSizes(
                use.Pointer, _database.Family(family), 1, &startPointer, &startLength, &endPointer, &endLength, &bytes,
                &error);
        }

        RocksDbError.Check(error, "size estimate", _folder);
        return bytes + EstimateMemoryTables(family, start, endOrEmpty);
    }

    public void Checkpoint(string folder)
    {
        using DatabaseHandle.Use use = EnterWrite();
        byte* error = null;
        nint checkpoint = Native.CheckpointObjectCreate(use.Pointer, &error);
        RocksDbError.Check(error, "checkpoint", folder);
        try
        {
            Native.CheckpointCreate(checkpoint, Path.GetFullPath(folder), logSizeForFlush: 0, &error);
            RocksDbError.Check(error, "checkpoint", folder);
        }
        finally
        {
            Native.CheckpointObjectDestroy(checkpoint);
        }
    }

    public IEngineTableWriter NewTableWriter(string path) => new RocksDbTableWriter(Database, path);

    /// <remarks>
    /// RocksDB makes an ingested table durable at once but not the unsynced batches before it, which a power cut would
    /// then take from under it; so the WAL is synced first. A refused file leaves the engine as it was and usable.
    /// </remarks>
    public void IngestTable(ColumnFamily family, string path)
    {
        SyncWal();
        using DatabaseHandle.Use use = EnterWrite();
        byte* error = null;
        var name = (byte*)Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            Native.IngestExternalFiles(
                use.Pointer, _database.Family(family), &name, count: 1, Options.Ingest.Pointer, &error);
        }
        finally
        {
            Marshal.FreeCoTaskMem((nint)name);
        }

        RocksDbError.Check(error, "table ingest", path);
    }

    public string Statistics()
    {
        using DatabaseHandle.Use use = Database.Enter();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"folder: {_folder}\nlibrary: {RocksDbLibrary.LoadedName}\n");
        text.Append(CultureInfo.InvariantCulture, $"failure: {Volatile.Read(ref _failure) ?? "none"}\n");
        text.Append(CultureInfo.InvariantCulture, $"block cache bytes: {Options.CacheUsage}\n");
        for (ColumnFamily family = ColumnFamily.Data; family <= ColumnFamily.Meta; family++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{family} memory table bytes: ");
            text.Append(Property(family, "rocksdb.size-all-mem-tables")).Append('\n');
            text.Append(Property(family, "rocksdb.cfstats-no-file-histogram"));
        }

        return text.ToString();
    }

    public void Dispose()
    {
        Volatile.Write(ref _disposed, true);
        _database.Dispose();
    }

    // Longer and higher than any key the layers above make; only used to ask for an estimate without an end.
    private static ReadOnlySpan<byte> AfterLastKey =>
    [
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    ];

    /// <summary>
    /// Opening writes the log's rows into tables. Where RocksDB is built with its assertions, as Debian's is, running
    /// out of space in that ends the process without a word, so the room is looked for first.
    /// </summary>
    private static void RequireRoom(string folder)
    {
        long free;
        long needed = OpenBytesMin;
        try
        {
            free = new DriveInfo(folder).AvailableFreeSpace;
            needed += new DirectoryInfo(folder).EnumerateFiles("*.log").Sum(static file => file.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot look into engine folder {folder}: {e.Message}", e);
        }

        if (free < needed)
        {
            throw new EngineException(
                $"engine folder {folder} has no space left: {free} bytes are free, and opening it may take {needed}; "
                + "make room");
        }
    }

    private static void PrepareFolder(string folder, bool createIfMissing)
    {
        if (File.Exists(Path.Combine(folder, "CURRENT")))
        {
            return;
        }

        // RocksDB writes CURRENT last when it makes a database, and logs and tables only after that. A folder that has
        // them and no CURRENT has lost it; making a new database there would bury what is left.
        string? remains = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder).FirstOrDefault(f => Path.GetExtension(f) is ".sst" or ".log")
            : null;
        if (remains is not null)
        {
            throw new EngineException(
                $"engine folder {folder} is damaged: it holds {Path.GetFileName(remains)} but no CURRENT file");
        }

        if (!createIfMissing)
        {
            throw new EngineException($"engine folder {folder} holds no engine, and creating one was not asked for");
        }

        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot create engine folder {folder}: {e.Message}", e);
        }
    }

    private ulong EstimateMemoryTables(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> endOrEmpty)
    {
        ReadOnlyMemory<byte>? end = endOrEmpty.IsEmpty ? null : endOrEmpty.ToArray();
        using var iterator = new RocksDbIterator(_database, family, snapshot: 0, start, end, memoryTablesOnly: true);
        ulong bytes = 0;
        int keys = 0;
        for (iterator.SeekToFirst(); iterator.Valid; iterator.Next())
        {
            if (++keys > EstimateKeysMax)
            {
                return ulong.Parse(Property(family, "rocksdb.size-all-mem-tables"), CultureInfo.InvariantCulture);
            }

            bytes += (ulong)(iterator.Key.Length + iterator.Value.Length);
        }

        return bytes;
    }

    private string Property(ColumnFamily family, string name)
    {
        byte* value = Native.PropertyValue(_database.Pointer, _database.Family(family), name);
        if (value is null)
        {
            return "0";
        }

        string text = Marshal.PtrToStringUTF8((nint)value) ?? "0";
        Native.Free(value);
        return text;
    }

    private DatabaseHandle.Use EnterWrite()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            throw new EngineException($"engine refuses writes after a failure: {failure} ({_folder})");
        }

        return Database.Enter();
    }

    private void CheckWrite(byte* error, string operation)
    {
        if (error is null)
        {
            return;
        }

        string failure = $"{operation} failed: {RocksDbError.Take(error)}";

        // RocksDB answers writes with the error of a failed sync before that sync has returned: the sync is told first.
        lock (_syncing)
        {
            string first = Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
            throw new EngineException($"engine {first} ({_folder})");
        }
    }
}
