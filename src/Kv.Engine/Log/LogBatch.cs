// Owns what one frame of the shared log carries: operations of any number of groups, in order, all durable or none. The
// batch checks nothing against the log; the log does, before it writes.
namespace Kv.Engine.Log;

public enum LogOperationKind : byte
{
    /// <summary>Sets term, vote and commit hint.</summary>
    HardState = 1,

    /// <summary>
    /// Appends entries; an entry at or below the last index first cuts everything from that index on.
    /// </summary>
    Append = 2,

    /// <summary>Cuts everything up to and including an index (Cut law).</summary>
    CutPrefix = 3,

    /// <summary>Forgets all entries and starts behind (index, term): a new group, or an installed snapshot.</summary>
    Reset = 4,

    /// <summary>Forgets the group altogether.</summary>
    Destroy = 5,
}

/// <summary>One operation on one group. Only the fields of its kind are used.</summary>
public readonly record struct LogOperation(
    LogOperationKind Kind, ulong Group, LogHardState HardState, IReadOnlyList<LogEntry>? Entries,
    ulong Index, ulong Term);

/// <summary>Operations of any number of groups that one frame makes durable together, in order.</summary>
public sealed class LogBatch
{
    private readonly List<LogOperation> _operations = [];

    public IReadOnlyList<LogOperation> Operations => _operations;

    public bool IsEmpty => _operations.Count == 0;

    /// <summary>Payload bytes of the entries in it.</summary>
    public long PayloadBytes { get; private set; }

    public void SetHardState(ulong group, LogHardState state) =>
        _operations.Add(new LogOperation(LogOperationKind.HardState, group, state, null, 0, 0));

    /// <summary>
    /// Entries must be consecutive by index. The list is kept, not copied: the caller must not change it.
    /// </summary>
    public void Append(ulong group, IReadOnlyList<LogEntry> entries)
    {
        foreach (LogEntry entry in entries)
        {
            PayloadBytes += entry.Data.Length;
        }

        _operations.Add(new LogOperation(LogOperationKind.Append, group, default, entries, 0, 0));
    }

    public void CutPrefix(ulong group, ulong index, ulong term) =>
        _operations.Add(new LogOperation(LogOperationKind.CutPrefix, group, default, null, index, term));

    public void Reset(ulong group, ulong index, ulong term) =>
        _operations.Add(new LogOperation(LogOperationKind.Reset, group, default, null, index, term));

    public void Destroy(ulong group) =>
        _operations.Add(new LogOperation(LogOperationKind.Destroy, group, default, null, 0, 0));

    public void Clear()
    {
        _operations.Clear();
        PayloadBytes = 0;
    }
}
