namespace Kv.Engine.Memory;

/// <summary>Where <see cref="MemoryEngineDisk.FailNext"/> can make the engine fail.</summary>
public enum MemoryEngineSite
{
    /// <summary>The write of a batch to the write-ahead log.</summary>
    Write = 0,

    /// <summary>The sync of the write-ahead log, by itself, by a synced write or before an ingest.</summary>
    SyncWal = 1,

    /// <summary>The flush of the memory tables.</summary>
    Flush = 2,

    /// <summary>The ingest of a table, after its file was read and the log synced.</summary>
    Ingest = 3,

    /// <summary>The checkpoint.</summary>
    Checkpoint = 4,
}
