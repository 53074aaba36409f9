// Declarations of rocksdb/c.h as of 7.8: database, reads, batches, tables. Every `error` out-pointer must be null on
// entry, and is checked and freed by RocksDbError.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kv.Engine.RocksDb;

internal static unsafe partial class Native
{
    /// <summary>For the calling thread only.</summary>
    [LibraryImport(Library, EntryPoint = "rocksdb_set_perf_level")]
    internal static partial void SetPerfLevel(int level);

    [LibraryImport(Library, EntryPoint = "rocksdb_free")]
    internal static partial void Free(void* pointer);

    [LibraryImport(Library, EntryPoint = "rocksdb_open_column_families", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint OpenColumnFamilies(
        nint options, string folder, int count, byte** names, nint* familyOptions, nint* families, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_close")]
    internal static partial void Close(nint database);

    [LibraryImport(Library, EntryPoint = "rocksdb_column_family_handle_destroy")]
    internal static partial void ColumnFamilyHandleDestroy(nint family);

    [LibraryImport(Library, EntryPoint = "rocksdb_write")]
    internal static partial void Write(nint database, nint writeOptions, nint batch, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_flush_wal")]
    internal static partial void FlushWal(nint database, byte sync, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_flush_cf")]
    internal static partial void FlushFamily(nint database, nint flushOptions, nint family, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_approximate_sizes_cf")]
    internal static partial void ApproximateSizes(
        nint database, nint family, int count, byte** starts, nuint* startLengths, byte** ends, nuint* endLengths,
        ulong* sizes, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_property_value_cf", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial byte* PropertyValue(nint database, nint family, string name);

    [LibraryImport(Library, EntryPoint = "rocksdb_get_pinned_cf")]
    internal static partial nint GetPinned(
        nint database, nint readOptions, nint family, byte* key, nuint keyLength, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_pinnableslice_value")]
    [SuppressGCTransition]
    internal static partial byte* PinnedValue(nint slice, nuint* length);

    [LibraryImport(Library, EntryPoint = "rocksdb_pinnableslice_destroy")]
    internal static partial void PinnedDestroy(nint slice);

    [LibraryImport(Library, EntryPoint = "rocksdb_create_snapshot")]
    internal static partial nint CreateSnapshot(nint database);

    [LibraryImport(Library, EntryPoint = "rocksdb_release_snapshot")]
    internal static partial void ReleaseSnapshot(nint database, nint snapshot);

    [LibraryImport(Library, EntryPoint = "rocksdb_create_iterator_cf")]
    internal static partial nint CreateIterator(nint database, nint readOptions, nint family);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_destroy")]
    internal static partial void IteratorDestroy(nint iterator);

    // Three accessors of a positioned iterator touch memory only, so they skip the switch of garbage collection mode.
    [LibraryImport(Library, EntryPoint = "rocksdb_iter_valid")]
    [SuppressGCTransition]
    internal static partial byte IteratorValid(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_key")]
    [SuppressGCTransition]
    internal static partial byte* IteratorKey(nint iterator, nuint* length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_value")]
    [SuppressGCTransition]
    internal static partial byte* IteratorValue(nint iterator, nuint* length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_get_error")]
    internal static partial void IteratorError(nint iterator, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek_to_first")]
    internal static partial void IteratorSeekToFirst(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek_to_last")]
    internal static partial void IteratorSeekToLast(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek")]
    internal static partial void IteratorSeek(nint iterator, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek_for_prev")]
    internal static partial void IteratorSeekForPrev(nint iterator, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_next")]
    internal static partial void IteratorNext(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_prev")]
    internal static partial void IteratorPrev(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_create")]
    internal static partial nint BatchCreate();

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_destroy")]
    internal static partial void BatchDestroy(nint batch);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_clear")]
    internal static partial void BatchClear(nint batch);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_put_cf")]
    internal static partial void BatchPut(
        nint batch, nint family, byte* key, nuint keyLength, byte* value, nuint valueLength);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_delete_cf")]
    internal static partial void BatchDelete(nint batch, nint family, byte* key, nuint keyLength);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_delete_range_cf")]
    internal static partial void BatchDeleteRange(
        nint batch, nint family, byte* start, nuint startLength, byte* end, nuint endLength);

    [LibraryImport(Library, EntryPoint = "rocksdb_checkpoint_object_create")]
    internal static partial nint CheckpointObjectCreate(nint database, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_checkpoint_create", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void CheckpointCreate(nint checkpoint, string folder, ulong logSizeForFlush, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_checkpoint_object_destroy")]
    internal static partial void CheckpointObjectDestroy(nint checkpoint);

    [LibraryImport(Library, EntryPoint = "rocksdb_envoptions_create")]
    internal static partial nint FileOptionsCreate();

    [LibraryImport(Library, EntryPoint = "rocksdb_envoptions_destroy")]
    internal static partial void FileOptionsDestroy(nint fileOptions);

    /// <summary>Copies both options; they may be destroyed after.</summary>
    [LibraryImport(Library, EntryPoint = "rocksdb_sstfilewriter_create")]
    internal static partial nint TableWriterCreate(nint fileOptions, nint options);

    [LibraryImport(Library, EntryPoint = "rocksdb_sstfilewriter_open", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void TableWriterOpen(nint writer, string path, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_sstfilewriter_put")]
    internal static partial void TableWriterPut(
        nint writer, byte* key, nuint keyLength, byte* value, nuint valueLength, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_sstfilewriter_delete_range")]
    internal static partial void TableWriterDeleteRange(
        nint writer, byte* start, nuint startLength, byte* end, nuint endLength, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_sstfilewriter_finish")]
    internal static partial void TableWriterFinish(nint writer, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_sstfilewriter_file_size")]
    internal static partial void TableWriterFileSize(nint writer, ulong* size);

    [LibraryImport(Library, EntryPoint = "rocksdb_sstfilewriter_destroy")]
    internal static partial void TableWriterDestroy(nint writer);

    [LibraryImport(Library, EntryPoint = "rocksdb_ingestexternalfileoptions_create")]
    internal static partial nint IngestOptionsCreate();

    [LibraryImport(Library, EntryPoint = "rocksdb_ingestexternalfileoptions_destroy")]
    internal static partial void IngestOptionsDestroy(nint ingestOptions);

    [LibraryImport(Library, EntryPoint = "rocksdb_ingestexternalfileoptions_set_move_files")]
    internal static partial void IngestOptionsSetMoveFiles(nint ingestOptions, byte value);

    [LibraryImport(Library, EntryPoint = "rocksdb_ingest_external_file_cf")]
    internal static partial void IngestExternalFiles(
        nint database, nint family, byte** paths, nuint count, nint ingestOptions, byte** error);

    /// <summary>A pointer that may be handed to C for an empty span, where <c>fixed</c> gives null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte* OrEmpty(byte* pointer) => pointer is null ? EmptyBytes : pointer;

    private static readonly byte* EmptyBytes = (byte*)NativeMemory.AllocZeroed(1);
}
