// Owns what outlives a memory engine: the durable image and the batches written after the last sync, with RocksDB's
// durability (Simulator law). Invariants: the states are in write order and each is whole, so whatever prefix a power
// cut keeps, no batch survives by half; at most one engine is open.
//
// The model, checked against RocksDB by the conformance suite: a write reaches the log unsynced; a sync makes
// everything before it durable; a flush does so too (RocksDB syncs every log it closes before it installs what it
// flushed); an ingest is durable at once and the engines sync the log before it; opening makes durable what it found,
// because RocksDB flushes what it replays. A killed process loses nothing; a power cut keeps a prefix.
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Memory;

/// <summary>
/// The disk under a <see cref="MemoryEngine"/>. It survives the engine: after <see cref="ProcessKill"/>,
/// <see cref="PowerCut"/> or a dispose, <see cref="MemoryEngine.Open"/> finds on it what a real disk would hold. Faults
/// are asked for here. Deterministic: nothing but the given random numbers decides what survives. Thread-safe.
/// </summary>
public sealed class MemoryEngineDisk
{
    /// <summary>
    /// Most batches kept apart. Beyond it the oldest counts as durable, as a kernel writes back on its own; without it
    /// a caller that never syncs would keep every state there ever was.
    /// </summary>
    public const int UnsyncedBatchesMax = 65_536;

    private readonly Lock _lock = new();
    private readonly Queue<MemoryState> _unsynced = new();
    private readonly Dictionary<string, MemoryState> _checkpoints = new(StringComparer.Ordinal);
    private readonly int[] _failAfter = [-1, -1, -1, -1, -1];
    private MemoryState _durable;
    private MemoryState _written;

    // The state a failed write or sync was to make: it may or may not have reached the disk.
    private MemoryState? _doubtful;
    private MemoryEngine? _engine;

    /// <param name="files">Where table files are written and read; checkpoints stay in this object.</param>
    public MemoryEngineDisk(IFileSystem files)
        : this(files, MemoryState.Empty)
    {
    }

    private MemoryEngineDisk(IFileSystem files, MemoryState state)
    {
        ArgumentNullException.ThrowIfNull(files);
        Files = files;
        _durable = state;
        _written = state;
    }

    /// <summary>
    /// One in so many reads by <see cref="IEngine.TryReadCached{TState}"/> is said to need the disk; 0 = none.
    /// </summary>
    public int UncachedEvery { get; init; }

    /// <summary>Batches that a power cut now could lose.</summary>
    public int UnsyncedBatchCount
    {
        get
        {
            lock (_lock)
            {
                return _unsynced.Count;
            }
        }
    }

    internal IFileSystem Files { get; }

    /// <summary>
    /// Makes the operation at <paramref name="site"/> fail with <see cref="EngineException"/> after
    /// <paramref name="skipCount"/> more have succeeded; once.
    /// </summary>
    public void FailNext(MemoryEngineSite site, int skipCount = 0)
    {
        Invariant.Require(skipCount >= 0);
        lock (_lock)
        {
            _failAfter[(int)site] = skipCount;
        }
    }

    /// <summary>
    /// Power goes: a prefix of the unsynced batches, drawn from <paramref name="random"/>, survives. The open engine,
    /// if any, is dead: each of its members throws. Returns how many unsynced batches survived.
    /// </summary>
    public int PowerCut(DeterministicRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        lock (_lock)
        {
            Detach("the power was cut");
            MemoryState[] states = _doubtful is null ? [.. _unsynced] : [.. _unsynced, _doubtful];
            int kept = random.Next(states.Length + 1);
            MakeDurable(kept == 0 ? _durable : states[kept - 1]);
            return kept;
        }
    }

    /// <summary>
    /// The process dies (kill -9): every written batch survives, the unsynced ones still unsynced until the next open.
    /// A batch whose write failed survives or not, as <paramref name="random"/> has it.
    /// </summary>
    public void ProcessKill(DeterministicRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        lock (_lock)
        {
            Detach("the process was killed");
            if (_doubtful is not null && random.Next(2) == 0)
            {
                _unsynced.Enqueue(_doubtful);
                _written = _doubtful;
            }

            _doubtful = null;
        }
    }

    /// <summary>
    /// A disk that holds the checkpoint made into <paramref name="folder"/>; null when there is none.
    /// </summary>
    public MemoryEngineDisk? OpenCheckpoint(string folder)
    {
        lock (_lock)
        {
            return _checkpoints.TryGetValue(folder, out MemoryState? state) ? new MemoryEngineDisk(Files, state) : null;
        }
    }

    internal MemoryState Attach(MemoryEngine engine)
    {
        lock (_lock)
        {
            if (_engine is not null)
            {
                throw new EngineException("memory engine is already open on this disk");
            }

            // A failed batch of an engine that was disposed, not killed, counts as lost.
            _engine = engine;
            MakeDurable(_written);
            return _written;
        }
    }

    internal void Detach(MemoryEngine engine)
    {
        lock (_lock)
        {
            if (_engine == engine)
            {
                Detach("it was disposed");
            }
        }
    }

    internal void Write(MemoryEngine engine, MemoryState state, bool sync)
    {
        lock (_lock)
        {
            RequireAttached(engine);
            if (TakeFault(MemoryEngineSite.Write) || (sync && TakeFault(MemoryEngineSite.SyncWal)))
            {
                _doubtful = state;
                throw new EngineException($"engine {(sync ? "synced write" : "write")} failed: injected fault");
            }

            _written = state;
            _unsynced.Enqueue(state);
            if (sync)
            {
                MakeDurable(state);
            }
            else if (_unsynced.Count > UnsyncedBatchesMax)
            {
                _durable = _unsynced.Dequeue();
            }
        }
    }

    /// <summary>Everything written becomes durable, or the fault of <paramref name="site"/> is thrown.</summary>
    internal void Sync(MemoryEngine engine, MemoryEngineSite site, string operation)
    {
        lock (_lock)
        {
            RequireAttached(engine);
            ThrowFault(site, operation);
            MakeDurable(_written);
        }
    }

    internal void Ingest(MemoryEngine engine, MemoryState state)
    {
        lock (_lock)
        {
            RequireAttached(engine);
            ThrowFault(MemoryEngineSite.Ingest, "table ingest");
            MakeDurable(state);
        }
    }

    internal void Checkpoint(string folder, MemoryState state)
    {
        lock (_lock)
        {
            ThrowFault(MemoryEngineSite.Checkpoint, "checkpoint");
            if (!_checkpoints.TryAdd(folder, state))
            {
                throw new EngineException($"engine checkpoint failed: {folder} exists");
            }
        }
    }

    private void Detach(string reason)
    {
        _engine?.Kill(reason);
        _engine = null;
    }

    // A writer that passed its engine's own check may find the power cut behind it.
    private void RequireAttached(MemoryEngine engine)
    {
        if (_engine != engine)
        {
            throw new EngineException("memory engine is closed");
        }
    }

    private void MakeDurable(MemoryState state)
    {
        _durable = state;
        _written = state;
        _doubtful = null;
        _unsynced.Clear();
    }

    private void ThrowFault(MemoryEngineSite site, string operation)
    {
        if (TakeFault(site))
        {
            throw new EngineException($"engine {operation} failed: injected fault");
        }
    }

    private bool TakeFault(MemoryEngineSite site) => _failAfter[(int)site] >= 0 && _failAfter[(int)site]-- == 0;
}
