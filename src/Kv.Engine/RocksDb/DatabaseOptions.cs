// Owns the translation of RocksDbEngineOptions into option objects of the C API. What is set here and is not an option
// is a decision: see docs/decisions/0002-own-rocksdb-binding.md.
namespace Kv.Engine.RocksDb;

/// <summary>The native option objects of one database. They live as long as it, calls that
/// run while it is being disposed included; <see cref="DatabaseHandle"/> disposes them after it closed.</summary>
internal sealed unsafe class DatabaseOptions : IDisposable
{
    private const int PointInTimeRecovery = 2;
    private const int InfoLevelWarn = 2;
    private const int BlockCacheTier = 1;
    private const int LevelCount = 7;
    private const int TableFormatVersion = 5;
    private const int BlockBytes = 8 << 10;

    // Memory tables are small, so that inserts stay in the processor's caches. Twice RocksDB's four files before they
    // are merged into the next level (64 MiB, half of that level's size): half the rewriting of what lies there.
    private const int Level0CompactionFiles = 8;

    private readonly NativeObject _cache;
    private readonly NativeObject[] _families;

    internal DatabaseOptions(RocksDbEngineOptions options, bool create)
    {
        _cache = new NativeObject(Native.CacheCreateLru((nuint)options.BlockCacheBytes), &Native.CacheDestroy);
        Database = NewOptions();
        ApplyDatabase(Database.Pointer, options, create);

        // Every RocksDB has a column family named "default"; ours stays empty.
        _families =
        [
            Family(options, options.DataWriteBufferBytes, filter: true),
            Family(options, options.AuxWriteBufferBytes, filter: true),
            Family(options, options.MetaWriteBufferBytes, filter: false),
            Family(options, bufferBytes: 1 << 20, filter: false),
        ];

        Read = new NativeObject(Native.ReadOptionsCreate(), &Native.ReadOptionsDestroy);
        ReadCached = new NativeObject(Native.ReadOptionsCreate(), &Native.ReadOptionsDestroy);
        Native.ReadOptionsSetReadTier(ReadCached.Pointer, BlockCacheTier);
        WriteUnsynced = new NativeObject(Native.WriteOptionsCreate(), &Native.WriteOptionsDestroy);
        WriteSynced = new NativeObject(Native.WriteOptionsCreate(), &Native.WriteOptionsDestroy);
        Native.WriteOptionsSetSync(WriteSynced.Pointer, 1);
        Flush = new NativeObject(Native.FlushOptionsCreate(), &Native.FlushOptionsDestroy);
        Native.FlushOptionsSetWait(Flush.Pointer, 1);
        Ingest = new NativeObject(Native.IngestOptionsCreate(), &Native.IngestOptionsDestroy);
        Native.IngestOptionsSetMoveFiles(Ingest.Pointer, 0);
    }

    internal NativeObject Database { get; }

    internal NativeObject Read { get; }

    /// <summary>Memory tables and cached blocks only; what needs the disk is an error.</summary>
    internal NativeObject ReadCached { get; }

    internal NativeObject WriteUnsynced { get; }

    internal NativeObject WriteSynced { get; }

    internal NativeObject Flush { get; }

    internal NativeObject Ingest { get; }

    internal ulong CacheUsage => Native.CacheUsage(_cache.Pointer);

    /// <summary>Options of data, aux, meta and RocksDB's own default family, in this order.</summary>
    internal nint FamilyPointer(int index) => _families[index].Pointer;

    public void Dispose()
    {
        foreach (NativeObject family in _families)
        {
            family.Dispose();
        }

        Database.Dispose();
        _cache.Dispose();
        Read.Dispose();
        ReadCached.Dispose();
        WriteUnsynced.Dispose();
        WriteSynced.Dispose();
        Flush.Dispose();
        Ingest.Dispose();
    }

    private static NativeObject NewOptions() => new(Native.OptionsCreate(), &Native.OptionsDestroy);

    private static void ApplyDatabase(nint database, RocksDbEngineOptions options, bool create)
    {
        Native.OptionsSetCreateIfMissing(database, create ? (byte)1 : (byte)0);
        Native.OptionsSetCreateMissingColumnFamilies(database, create ? (byte)1 : (byte)0);
        Native.OptionsSetParanoidChecks(database, 1);

        // Cut law: WAL on for every write, replayed up to the first record that is not whole, written to the file (so
        // that a killed process loses nothing) and synced only when told.
        Native.OptionsSetWalRecoveryMode(database, PointInTimeRecovery);
        Native.OptionsSetManualWalFlush(database, 0);
        Native.OptionsSetMaxTotalWalSize(database, (ulong)options.WalBytesMax);

        // With the WAL on, what a flush of one family leaves behind of a batch is in the WAL, which RocksDB syncs
        // before it installs the flush. Atomic flush would add nothing but flushes of families that need none.
        Native.OptionsSetAtomicFlush(database, 0);

        // The kernel starts writing early, so that a sync or the end of a compaction does not find megabytes waiting.
        Native.OptionsSetWalBytesPerSync(database, 512 << 10);
        Native.OptionsSetBytesPerSync(database, 1 << 20);

        Native.OptionsSetDbWriteBufferSize(database, (nuint)options.WriteBuffersBytesMax);
        Native.OptionsSetMaxOpenFiles(database, options.OpenFilesMax);
        Native.OptionsSetMaxFileOpeningThreads(database, 2);
        Native.OptionsSetMaxBackgroundJobs(database, options.BackgroundJobs);
        Native.OptionsSetMaxManifestFileSize(database, 16 << 20);

        // Nothing periodic: an idle store costs no CPU.
        Native.OptionsSetStatsDumpPeriodSeconds(database, 0);
        Native.OptionsSetStatsPersistPeriodSeconds(database, 0);
        Native.OptionsSetInfoLogLevel(database, InfoLevelWarn);
        Native.OptionsSetMaxLogFileSize(database, 4 << 20);
        Native.OptionsSetKeepLogFileCount(database, 3);
    }

    private NativeObject Family(RocksDbEngineOptions options, long bufferBytes, bool filter)
    {
        NativeObject family = NewOptions();
        nint pointer = family.Pointer;
        Native.OptionsSetWriteBufferSize(pointer, (nuint)bufferBytes);
        Native.OptionsSetMaxWriteBufferCount(pointer, 3);

        Native.OptionsSetDynamicLevelBytes(pointer, 1);
        Native.OptionsSetMaxBytesForLevelBase(pointer, 128 << 20);
        Native.OptionsSetLevel0CompactionFiles(pointer, Level0CompactionFiles);
        Native.OptionsSetTargetFileSizeBase(pointer, 32 << 20);

        int compression = (int)options.Compression;
        int* levels = stackalloc int[LevelCount];
        for (int i = 0; i < LevelCount; i++)
        {
            levels[i] = i < 2 ? (int)RocksDbCompression.None : compression;
        }

        Native.OptionsSetCompression(pointer, compression);
        Native.OptionsSetCompressionPerLevel(pointer, levels, LevelCount);
        Native.OptionsSetBottommostCompression(pointer, compression);

        using var table = new NativeObject(Native.TableOptionsCreate(), &Native.TableOptionsDestroy);
        Native.TableOptionsSetFormatVersion(table.Pointer, TableFormatVersion);
        Native.TableOptionsSetBlockSize(table.Pointer, BlockBytes);
        Native.TableOptionsSetBlockCache(table.Pointer, _cache.Pointer);
        Native.TableOptionsSetCacheIndexAndFilterBlocks(table.Pointer, 1);
        Native.TableOptionsSetPinLevel0InCache(table.Pointer, 1);
        if (filter && options.BloomBitsPerKey > 0)
        {
            Native.TableOptionsSetFilterPolicy(table.Pointer, Native.FilterPolicyCreateBloom(options.BloomBitsPerKey));
        }

        Native.OptionsSetBlockBasedTableFactory(pointer, table.Pointer);
        return family;
    }
}
