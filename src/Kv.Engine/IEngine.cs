// Owns the contract of the key-value engine below regions. Two implementations: RocksDB and memory; one conformance
// suite.
// Keys order as unsigned bytes. Nothing here knows regions, raft or the meaning of a value.
using System.Buffers;

namespace Kv.Engine;

/// <summary>The kinds of data. Region data of all kinds lies under the same key (Key law).</summary>
public enum ColumnFamily : byte
{
    /// <summary>User and system values.</summary>
    Data = 0,

    /// <summary>Locks and sequences, under the key they belong to.</summary>
    Aux = 1,

    /// <summary>What this store knows of its peers: descriptors, applied state, outcome rows, identity.</summary>
    Meta = 2,
}

/// <summary>What a read that may not wait for the disk has found.</summary>
public enum CachedRead : byte
{
    /// <summary>The key is absent.</summary>
    Absent = 0,

    /// <summary>The value was handed over.</summary>
    Found = 1,

    /// <summary>Only the disk can tell: nothing is known, nothing was handed over.</summary>
    NotInMemory = 2,
}

/// <summary>
/// An ordered byte store with atomic batches over its column families. All members may be called from any thread,
/// except that one batch, one iterator and one snapshot each have one user at a time. Failures of the disk below throw
/// <see cref="EngineException"/>; after a failed write the engine refuses every further write.
/// </summary>
public interface IEngine : IEngineReader, IDisposable
{
    /// <summary>
    /// A frozen view of all column families at one moment. Dispose it: an open snapshot pins old versions.
    /// </summary>
    IEngineSnapshot Snapshot();

    /// <summary>
    /// Reads the newest state as <see cref="IEngineReader.TryRead{TState}"/> does, but never waits for the disk. For
    /// threads that many requests share.
    /// </summary>
    CachedRead TryReadCached<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read);

    /// <summary>An empty batch. It may be cleared and used again.</summary>
    IEngineBatch NewBatch();

    /// <summary>
    /// Applies the batch atomically over all column families. With <paramref name="sync"/> it, and every batch before
    /// it, is durable on return; without, a power cut keeps some prefix of the batches written since the last sync (Cut
    /// law).
    /// </summary>
    void Write(IEngineBatch batch, bool sync);

    /// <summary>Makes every batch written so far durable (syncs the write-ahead log, and checks that it did).</summary>
    void SyncWal();

    /// <summary>
    /// Writes memory tables of every column family to sorted files. For tests and shutdown, not needed for durability.
    /// </summary>
    void Flush();

    /// <summary>
    /// Rough bytes on disk and in memory between the bounds; null bounds are open. An estimate, never exact.
    /// </summary>
    ulong EstimateBytes(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> endOrEmpty);

    /// <summary>A consistent copy of the engine in a new folder (hard links where the file system allows).</summary>
    void Checkpoint(string folder);

    /// <summary>A writer of one sorted table file outside the engine, for <see cref="IngestTable"/>.</summary>
    IEngineTableWriter NewTableWriter(string path);

    /// <summary>
    /// Ingests a table by copy: its range tombstones and keys win over everything written before. Durable on return.
    /// </summary>
    void IngestTable(ColumnFamily family, string path);

    /// <summary>Free text about the engine's inside, for status pages.</summary>
    string Statistics();
}

/// <summary>Reads, from the newest state (engine) or a frozen one (snapshot).</summary>
public interface IEngineReader
{
    /// <summary>The value, copied; null = absent. An empty value is not absent.</summary>
    byte[]? Get(ColumnFamily family, ReadOnlySpan<byte> key);

    /// <summary>
    /// Hands the value to <paramref name="read"/> without copying it; the span ends with the call. False = absent, not
    /// called.
    /// </summary>
    bool TryRead<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read);

    /// <summary>
    /// An unpositioned iterator over [start, end) on a view frozen now (or at the snapshot). An empty
    /// <paramref name="start"/> is the first key; a null or empty <paramref name="end"/> is past the last (a null array
    /// converts to an empty memory, so the two must mean the same).
    /// </summary>
    IEngineIterator Iterate(ColumnFamily family, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end);
}

/// <summary>A frozen view. See <see cref="IEngine.Snapshot"/>.</summary>
public interface IEngineSnapshot : IEngineReader, IDisposable;

/// <summary>Walks keys inside its bounds, both ways. Spans are valid until the next move or dispose.</summary>
public interface IEngineIterator : IDisposable
{
    /// <summary>Whether it stands on a key. A failed read throws instead of ending the walk.</summary>
    bool Valid { get; }

    ReadOnlySpan<byte> Key { get; }

    ReadOnlySpan<byte> Value { get; }

    void SeekToFirst();

    void SeekToLast();

    /// <summary>To the first key at or after <paramref name="key"/>, inside the bounds.</summary>
    void Seek(ReadOnlySpan<byte> key);

    /// <summary>To the last key at or before <paramref name="key"/>, inside the bounds.</summary>
    void SeekForPrev(ReadOnlySpan<byte> key);

    void Next();

    void Prev();
}

/// <summary>Writes to be applied together, in order. Bytes are copied in at once.</summary>
public interface IEngineBatch : IDisposable
{
    int Count { get; }

    /// <summary>Rough size in bytes, to decide when to write.</summary>
    long ByteCount { get; }

    void Put(ColumnFamily family, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    void Delete(ColumnFamily family, ReadOnlySpan<byte> key);

    /// <summary>Deletes [start, end). Requires start before end.</summary>
    void DeleteRange(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end);

    void Clear();
}

/// <summary>Builds one table file: range tombstones first, then keys in rising order.</summary>
public interface IEngineTableWriter : IDisposable
{
    void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end);

    void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Ends the file and returns its bytes. A file with neither keys nor tombstones cannot be ended.</summary>
    long Finish();
}

/// <summary>
/// The disk below the engine failed, or the engine was closed by an earlier failure. Final for this engine.
/// </summary>
public sealed class EngineException : Exception
{
    public EngineException(string message)
        : base(message)
    {
    }

    public EngineException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
