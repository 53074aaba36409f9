// Owns the in-memory index of the log: group -> state and entry places, and which groups the active segment has records
// of.
// Written by the log writer alone, read by any thread.
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Kv.Base;

namespace Kv.Engine.Log;

internal sealed class GroupTable
{
    private readonly ConcurrentDictionary<ulong, LogGroup> _groups = new(concurrencyLevel: 1, capacity: 64);
    private readonly List<LogGroup> _touched = [];
    private ulong _segment;

    /// <summary>All groups, damaged ones too, in no order.</summary>
    public IEnumerable<LogGroup> All => _groups.Values;

    /// <summary>Groups with records in the segment now written or replayed, in the order met.</summary>
    public IReadOnlyList<LogGroup> Touched => _touched;

    public bool TryFind(ulong group, [MaybeNullWhen(false)] out LogGroup found) =>
        _groups.TryGetValue(group, out found);

    /// <summary>Adds the group anew; one of that id that was there is forgotten.</summary>
    public LogGroup Add(ulong group, bool isWhole)
    {
        LogGroup added = new(group) { IsWhole = isWhole };
        _groups[group] = added;
        return added;
    }

    public void Remove(ulong group) => _groups.TryRemove(group, out _);

    public void BeginSegment(ulong number)
    {
        Invariant.Require(number > _segment);
        _segment = number;
        _touched.Clear();
    }

    public void Touch(LogGroup group)
    {
        if (group.Touch(_segment))
        {
            _touched.Add(group);
        }
    }

    public void TouchEntries(LogGroup group, ulong first, ulong last)
    {
        Touch(group);
        group.TouchEntries(first, last);
    }
}
