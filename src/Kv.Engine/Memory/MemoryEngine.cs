// Owns the memory engine: the contract of IEngine over immutable trees, with RocksDB's durability modelled by its disk.
// Invariants: the published state is whole and immutable, so readers take no lock; writers take one; nothing is written
// after a failed write, flush or sync.
using System.Buffers;
using System.Globalization;

namespace Kv.Engine.Memory;

/// <summary>
/// The engine of simulations and tests, and of <c>--engine memory</c>. See <see cref="IEngine"/> for the contract.
/// Deterministic: it has no thread, clock or random source.
/// </summary>
public sealed class MemoryEngine : IEngine
{
    private readonly MemoryEngineDisk _disk;
    private readonly Lock _writeLock = new();
    private MemoryState _state = MemoryState.Empty;
    private string? _failure;
    private long _cachedReads;

    // Written under the disk's lock when the engine ends; read by all.
    private string? _dead;

    private MemoryEngine(MemoryEngineDisk disk) => _disk = disk;

    private MemoryState State
    {
        get
        {
            CheckAlive();
            return Volatile.Read(ref _state);
        }
    }

    /// <summary>
    /// Opens what the disk holds; all of it is durable on return. Throws <see cref="EngineException"/> when an engine
    /// is open on the disk.
    /// </summary>
    public static MemoryEngine Open(MemoryEngineDisk disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var engine = new MemoryEngine(disk);
        engine._state = disk.Attach(engine);
        return engine;
    }

    public byte[]? Get(ColumnFamily family, ReadOnlySpan<byte> key) => MemoryReads.Get(State, family, key);

    public bool TryRead<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read) =>
        MemoryReads.TryRead(State, family, key, state, read);

    /// <remarks>
    /// With <see cref="MemoryEngineDisk.UncachedEvery"/> set, some reads are said to need the disk.
    /// </remarks>
    public CachedRead TryReadCached<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read)
    {
        if (_disk.UncachedEvery > 0 && Interlocked.Increment(ref _cachedReads) % _disk.UncachedEvery == 0)
        {
            CheckAlive();
            return CachedRead.NotInMemory;
        }

        return TryRead(family, key, state, read) ? CachedRead.Found : CachedRead.Absent;
    }

    public IEngineIterator Iterate(ColumnFamily family, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end) =>
        new MemoryIterator(State[family], start, end);

    public IEngineSnapshot Snapshot() => new MemorySnapshot(State);

    public IEngineBatch NewBatch() => new MemoryBatch(this);

    public void Write(IEngineBatch batch, bool sync)
    {
        if (batch is not MemoryBatch own || own.Engine != this)
        {
            throw new ArgumentException("the batch was made by another engine", nameof(batch));
        }

        lock (_writeLock)
        {
            CheckWritable();
            if (own.Count > 0)
            {
                MemoryState state = _state.Apply(own.Writes);
                Latch(() => _disk.Write(this, state, sync));
                Volatile.Write(ref _state, state);
            }
            else if (sync)
            {
                Latch(() => _disk.Sync(this, MemoryEngineSite.SyncWal, "WAL sync"));
            }
        }
    }

    public void SyncWal()
    {
        lock (_writeLock)
        {
            CheckWritable();
            Latch(() => _disk.Sync(this, MemoryEngineSite.SyncWal, "WAL sync"));
        }
    }

    public void Flush()
    {
        lock (_writeLock)
        {
            CheckWritable();
            Latch(() => _disk.Sync(this, MemoryEngineSite.Flush, "flush"));
        }
    }

    public ulong EstimateBytes(ColumnFamily family, ReadOnlySpan<byte> start, ReadOnlySpan<byte> endOrEmpty)
    {
        KeyTree tree = State[family];
        long end = endOrEmpty.IsEmpty ? tree.Bytes : tree.BytesBelow(endOrEmpty);
        return (ulong)Math.Max(0, end - tree.BytesBelow(start));
    }

    /// <summary>
    /// The copy is kept by the disk under the folder's name: <see cref="MemoryEngineDisk.OpenCheckpoint"/>.
    /// </summary>
    public void Checkpoint(string folder)
    {
        lock (_writeLock)
        {
            CheckWritable();
            _disk.Checkpoint(folder, _state);
        }
    }

    public IEngineTableWriter NewTableWriter(string path)
    {
        CheckAlive();
        return new MemoryTableWriter(_disk.Files, path);
    }

    public void IngestTable(ColumnFamily family, string path)
    {
        CheckAlive();
        List<MemoryWrite> writes = MemoryTableFile.Read(_disk.Files, family, path);
        lock (_writeLock)
        {
            CheckWritable();
            Latch(() => _disk.Sync(this, MemoryEngineSite.SyncWal, "WAL sync"));
            MemoryState state = _state.Apply(writes);
            _disk.Ingest(this, state);
            Volatile.Write(ref _state, state);
        }
    }

    public string Statistics()
    {
        MemoryState state = State;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"memory engine\nfailure: {_failure ?? "none"}\nunsynced batches: {_disk.UnsyncedBatchCount}\n" +
            $"data bytes: {state.Data.Bytes}\naux bytes: {state.Aux.Bytes}\nmeta bytes: {state.Meta.Bytes}\n");
    }

    public void Dispose() => _disk.Detach(this);

    internal void Kill(string reason) => Volatile.Write(ref _dead, reason);

    private void CheckAlive()
    {
        if (Volatile.Read(ref _dead) is { } reason)
        {
            throw new EngineException($"memory engine is closed: {reason}");
        }
    }

    private void CheckWritable()
    {
        CheckAlive();
        if (_failure is not null)
        {
            throw new EngineException($"engine refuses writes after a failure: {_failure}");
        }
    }

    private void Latch(Action operation)
    {
        try
        {
            operation();
        }
        catch (EngineException e)
        {
            _failure = e.Message;
            throw;
        }
    }
}
