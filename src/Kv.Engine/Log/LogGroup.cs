// Owns what the log keeps in memory of one group: its state and the place of each entry. Written by the log writer
// alone, each change under the group's own lock; read by any thread under that lock (the writer itself reads without).
// Invariant: entries are First..Last without a gap, First = TruncatedIndex + 1, terms never fall.
using Kv.Base;

namespace Kv.Engine.Log;

/// <summary>Where an entry is, and its payload while the cache keeps it.</summary>
internal struct EntryPlace
{
    public Segment Segment;
    public ReadOnlyMemory<byte> Data;
    public ulong Term;
    public uint Offset;
    public int Length;
    public uint Crc;
    public byte Kind;
    public bool IsCached;

    public readonly LogEntry ToEntry(ulong index) => new(index, Term, Kind, Data, Crc);
}

internal sealed class LogGroup(ulong id)
{
    private EntryPlace[] _entries = [];
    private int _head;

    public ulong Id { get; } = id;

    /// <summary>
    /// False while a replay has not met the record from which all of the group follows, and for a damaged group.
    /// </summary>
    public bool IsWhole { get; set; }

    /// <summary>Why the group is not whole; null while that is not known.</summary>
    public LogDamage? Damage { get; set; }

    /// <summary>
    /// The oldest segment without which the group could not be replayed: that of its birth, or of its newest Restore
    /// and the entries that one counts on, even when they were cut since.
    /// </summary>
    public Segment? Root { get; set; }

    public LogHardState HardState { get; set; }

    public ulong TruncatedIndex { get; private set; }

    public ulong TruncatedTerm { get; private set; }

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    public ulong LastIndex => TruncatedIndex + (ulong)Count;

    public ulong LastTerm => Count == 0 ? TruncatedTerm : _entries[_head + Count - 1].Term;

    /// <summary>
    /// Entries up to this index came from the newest Restore, not from appends. A further Restore must hold them all
    /// again: a replay that begins behind the root cannot use the earlier one.
    /// </summary>
    public ulong RestoredThrough { get; set; }

    /// <summary>
    /// The segment whose index names this group already, and the entries it has there. Only the writer uses them.
    /// </summary>
    public ulong TouchedSegment { get; private set; }

    public ulong TouchedFirst { get; private set; }

    public ulong TouchedLast { get; private set; }

    /// <summary>The place of a held entry, to be read or changed in place.</summary>
    public ref EntryPlace this[ulong index]
    {
        get
        {
            Invariant.Require(Holds(index));
            return ref _entries[_head + (int)(index - TruncatedIndex - 1)];
        }
    }

    public bool Holds(ulong index) => index > TruncatedIndex && index <= LastIndex;

    public LogGroupState ToState() =>
        new(Id, HardState, TruncatedIndex, TruncatedTerm, LastIndex, LastTerm, Bytes);

    public bool TryGetTerm(ulong index, out ulong term)
    {
        bool known = index == TruncatedIndex || Holds(index);
        term = !known ? 0 : index == TruncatedIndex ? TruncatedTerm : this[index].Term;
        return known;
    }

    public void Append(ulong first, ReadOnlySpan<EntryPlace> places)
    {
        Invariant.Require(first > TruncatedIndex && first <= LastIndex + 1);
        CutSuffix(first);
        RestoredThrough = Math.Min(RestoredThrough, first - 1);
        Reserve(places.Length);
        places.CopyTo(_entries.AsSpan(_head + Count));
        Count += places.Length;
        foreach (ref readonly EntryPlace place in places)
        {
            Bytes += place.Length;
        }
    }

    public void CutPrefix(ulong index, ulong term)
    {
        Invariant.Require(index >= TruncatedIndex && index <= LastIndex);
        int cut = (int)(index - TruncatedIndex);
        Drop(_head, cut);
        _head += cut;
        Count -= cut;
        TruncatedIndex = index;
        TruncatedTerm = term;
        if (Count == 0)
        {
            _entries = [];
            _head = 0;
        }
    }

    public void Reset(ulong index, ulong term)
    {
        _entries = [];
        _head = 0;
        Count = 0;
        Bytes = 0;
        RestoredThrough = 0;
        TruncatedIndex = index;
        TruncatedTerm = term;
    }

    /// <summary>Notes that the group has records in a segment; true when it is the first there.</summary>
    public bool Touch(ulong segment)
    {
        if (TouchedSegment == segment)
        {
            return false;
        }

        TouchedSegment = segment;
        TouchedFirst = 0;
        TouchedLast = 0;
        return true;
    }

    public void TouchEntries(ulong first, ulong last)
    {
        TouchedFirst = TouchedFirst == 0 ? first : Math.Min(TouchedFirst, first);
        TouchedLast = Math.Max(TouchedLast, last);
    }

    /// <summary>The greatest index whose entry lies in the segment; 0 when there is none.</summary>
    public ulong LastIndexIn(Segment segment)
    {
        for (int i = Count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_entries[_head + i].Segment, segment))
            {
                return TruncatedIndex + 1 + (ulong)i;
            }
        }

        return 0;
    }

    /// <summary>
    /// The oldest of the segments that hold entries from <paramref name="from"/> on, and <paramref name="newest"/>.
    /// </summary>
    public Segment OldestSegment(ulong from, Segment newest)
    {
        Segment oldest = newest;
        for (ulong index = from; index <= LastIndex; index++)
        {
            Segment segment = this[index].Segment;
            oldest = segment.Number < oldest.Number ? segment : oldest;
        }

        return oldest;
    }

    private void CutSuffix(ulong from)
    {
        int keep = (int)(from - TruncatedIndex - 1);
#if PLANT_B8 // row B8: one entry too few is cut away
        keep = Math.Min(keep + 1, Count);
#endif
        Drop(_head + keep, Count - keep);
        Count = keep;
    }

    private void Drop(int start, int count)
    {
        Span<EntryPlace> dropped = _entries.AsSpan(start, count);
        foreach (ref readonly EntryPlace place in dropped)
        {
            Bytes -= place.Length;
        }

        dropped.Clear();
    }

    private void Reserve(int count)
    {
        if (_head + Count + count <= _entries.Length)
        {
            return;
        }

        int needed = Count + count;
        EntryPlace[] target = needed * 2 <= _entries.Length
            ? _entries
            : new EntryPlace[Math.Max(4, needed + (needed / 2))];
        _entries.AsSpan(_head, Count).CopyTo(target);
        if (ReferenceEquals(target, _entries))
        {
            target.AsSpan(Count).Clear();
        }

        _entries = target;
        _head = 0;
    }
}
