// Owns what each record does to the in-memory index when it is read back. Records of a group may come before the one
// from which all of it follows, because older segments were purged after that one was rewritten; such a group is
// gathered and stays not whole until its Restore comes (Purge law). What contradicts itself damages its group, never
// more and never silently.
using Kv.Base;

namespace Kv.Engine.Log;

internal sealed class LogReplay(GroupTable table)
{
    /// <summary>Segments up to this number are dead.</summary>
    public ulong PurgedThrough { get; set; }

    /// <summary>
    /// Applies the records of one frame or carried block. Throws <see cref="MalformedDataException"/> when they do not
    /// parse, which behind a good checksum means that another version or a defect wrote them.
    /// </summary>
    public void Apply(ReadOnlySpan<byte> body, Segment segment, long bodyOffset)
    {
        SpanReader reader = new(body);
        while (!reader.AtEnd)
        {
            LogRecordType type = (LogRecordType)reader.ReadByte();
            ulong group = reader.ReadVarUInt64();
            Context context = new(group, segment, bodyOffset, body.Length);
            switch (type)
            {
                case LogRecordType.Birth:
                    ApplyBirth(context);
                    break;
                case LogRecordType.HardState:
                    ApplyHardState(context, ReadHardState(ref reader));
                    break;
                case LogRecordType.Append:
                    ApplyAppend(context, reader.ReadVarUInt64(), ReadEntries(ref reader, context));
                    break;
                case LogRecordType.CutPrefix:
                    ApplyCutPrefix(context, reader.ReadVarUInt64(), reader.ReadVarUInt64());
                    break;
                case LogRecordType.Reset:
                    FindOrGather(context).Reset(reader.ReadVarUInt64(), reader.ReadVarUInt64());
                    break;
                case LogRecordType.Destroy:
                    ApplyDestroy(context);
                    break;
                case LogRecordType.Restore:
                    ApplyRestore(context, ref reader);
                    break;
                case LogRecordType.DamageMark:
                    LogGroup marked = Damage(context, RecordCodec.ReadDamageMark(ref reader, group));
                    marked.Root = segment;
                    break;
                case LogRecordType.PurgeMark:
                    PurgedThrough = Math.Max(PurgedThrough, reader.ReadVarUInt64());
                    break;
                default:
                    throw new MalformedDataException($"record type {(byte)type} is not known to this build");
            }
        }
    }

    /// <summary>Pins damage in a sealed segment to the groups its index names (Damage law).</summary>
    public void DamageGroups(IEnumerable<SegmentIndexEntry> index, Segment segment, long offset, string reason)
    {
        foreach (SegmentIndexEntry entry in index)
        {
            Context context = new(entry.Group, segment, offset, 0);
            Damage(context, new LogDamage(entry.Group, segment.Name, offset, reason));
        }
    }

    /// <summary>
    /// Ends the replay: every group that is still not whole is damaged, and so is one that rests on a purged segment.
    /// </summary>
    public List<LogDamage> Finish()
    {
        List<LogDamage> damaged = [];
        foreach (LogGroup group in table.All)
        {
            if (group.IsWhole && RestsOnPurged(group))
            {
                group.IsWhole = false;
                group.Damage = new LogDamage(group.Id, "", 0, "its records were purged before they were rewritten");
            }

            if (!group.IsWhole)
            {
                group.Damage ??= new LogDamage(group.Id, "", 0, "the records it began with are missing");
                group.Reset(0, 0);
                damaged.Add(group.Damage.Value);
            }
        }

        damaged.Sort((a, b) => a.Group.CompareTo(b.Group));
        return damaged;
    }

    private static LogHardState ReadHardState(ref SpanReader reader) =>
        new(reader.ReadVarUInt64(), reader.ReadVarUInt64(), reader.ReadVarUInt64());

    private static EntryPlace[] ReadEntries(ref SpanReader reader, in Context context)
    {
        // Every entry takes at least 7 bytes, so the count is bounded by what is left before anything is allocated.
        int count = reader.ReadVarInt32(reader.Remaining / 7);
        EntryPlace[] places = new EntryPlace[count];
        for (int i = 0; i < count; i++)
        {
            places[i] = RecordCodec.ReadEntry(ref reader, context.Segment, context.BodyOffset, context.BodyLength);
        }

        return places;
    }

    private static bool TermsRise(ulong before, ReadOnlySpan<EntryPlace> places)
    {
        foreach (ref readonly EntryPlace place in places)
        {
            if (place.Term < before)
            {
                return false;
            }

            before = place.Term;
        }

        return true;
    }

    private bool RestsOnPurged(LogGroup group)
    {
        if (group.Root is null || group.Root.Number <= PurgedThrough)
        {
            return true;
        }

        for (ulong index = group.TruncatedIndex + 1; index <= group.LastIndex; index++)
        {
            if (group[index].Segment.Number <= PurgedThrough)
            {
                return true;
            }
        }

        return false;
    }

    private void ApplyBirth(in Context context)
    {
        if (table.TryFind(context.Group, out LogGroup? group) && group.IsWhole)
        {
            Damage(context, "a second birth without an end before it");
            return;
        }

        LogGroup born = table.Add(context.Group, isWhole: true);
        born.Root = context.Segment;
        table.Touch(born);
    }

    private void ApplyHardState(in Context context, LogHardState state)
    {
        LogGroup group = FindOrGather(context);
        if (state.Term < group.HardState.Term)
        {
            Damage(context, $"the term goes back from {group.HardState.Term} to {state.Term}");
            return;
        }

        group.HardState = state;
    }

    private void ApplyAppend(in Context context, ulong first, EntryPlace[] places)
    {
        LogGroup group = FindOrGather(context);
        if (first == 0 || places.Length == 0)
        {
            Damage(context, "an append without a place");
            return;
        }

        bool follows = first > group.TruncatedIndex && first <= group.LastIndex + 1;
        if (!follows && group.IsWhole)
        {
            Damage(context, $"entry {first} does not follow ({group.TruncatedIndex}, {group.LastIndex}]");
            return;
        }

        if (!follows)
        {
            group.Reset(first - 1, 0);
        }

        bool known = group.TryGetTerm(first - 1, out ulong before);
        if (!TermsRise(known ? before : 0, places))
        {
            Damage(context, $"the terms of entries go back at or behind {first}");
            return;
        }

        group.Append(first, places);
        table.TouchEntries(group, first, first + (ulong)places.Length - 1);
    }

    private void ApplyCutPrefix(in Context context, ulong index, ulong term)
    {
        LogGroup group = FindOrGather(context);
        bool inside = index >= group.TruncatedIndex && index <= group.LastIndex;
        if (inside)
        {
            group.CutPrefix(index, term);
        }
        else if (group.IsWhole)
        {
            Damage(context, $"cut at {index} outside ({group.TruncatedIndex}, {group.LastIndex}]");
        }
        else if (index > group.LastIndex)
        {
            group.Reset(index, term);
        }
    }

    private void ApplyDestroy(in Context context)
    {
        // Touched first: if this segment is damaged later, the index must name the group.
        FindOrGather(context);
        table.Remove(context.Group);
    }

    private void ApplyRestore(in Context context, ref SpanReader reader)
    {
        LogHardState state = ReadHardState(ref reader);
        ulong truncatedIndex = reader.ReadVarUInt64();
        ulong truncatedTerm = reader.ReadVarUInt64();
        ulong lastIndex = reader.ReadVarUInt64();
        ulong lastTerm = reader.ReadVarUInt64();
        EntryPlace[] places = ReadEntries(ref reader, context);
        LogGroup group = FindOrGather(context);
        ulong rewrittenLast = truncatedIndex + (ulong)places.Length;
        if (places.Length > 0)
        {
            table.TouchEntries(group, truncatedIndex + 1, rewrittenLast);
        }

        if (group.IsWhole)
        {
            bool same = group.HardState == state && group.TruncatedIndex == truncatedIndex
                && group.TruncatedTerm == truncatedTerm && group.LastIndex == lastIndex && group.LastTerm == lastTerm;
            if (!same || !TryReplacePlaces(group, truncatedIndex + 1, places))
            {
                Damage(context, "a rewritten record contradicts what it replaces");
                return;
            }
        }
        else if (!TryComplete(group, truncatedIndex, truncatedTerm, lastIndex, lastTerm, places))
        {
            // Its later entries lie in purged segments; a later Restore brings them.
            return;
        }

        group.HardState = state;
        group.IsWhole = true;
        group.Damage = null;
        group.RestoredThrough = rewrittenLast;
        group.Root = group.OldestSegment(rewrittenLast + 1, context.Segment);
    }

    // Purge law: only the place of the same index and term changes.
    private static bool TryReplacePlaces(LogGroup group, ulong first, ReadOnlySpan<EntryPlace> places)
    {
        for (int i = 0; i < places.Length; i++)
        {
            ulong index = first + (ulong)i;
            if (!group.Holds(index) || group[index].Term != places[i].Term || group[index].Crc != places[i].Crc)
            {
                return false;
            }
        }

        lock (group)
        {
            for (int i = 0; i < places.Length; i++)
            {
                ref EntryPlace place = ref group[first + (ulong)i];
                place.Segment = places[i].Segment;
                place.Offset = places[i].Offset;
            }
        }

        return true;
    }

    /// <summary>
    /// Joins the rewritten oldest entries with the newer ones gathered since; false when they do not meet.
    /// </summary>
    private static bool TryComplete(
        LogGroup group, ulong truncatedIndex, ulong truncatedTerm, ulong lastIndex, ulong lastTerm,
        EntryPlace[] rewritten)
    {
        ulong rewrittenLast = truncatedIndex + (ulong)rewritten.Length;
        List<EntryPlace> all = [.. rewritten];
        for (ulong index = rewrittenLast + 1; index <= lastIndex; index++)
        {
            if (!group.Holds(index))
            {
                return false;
            }

            all.Add(group[index]);
        }

        ulong foundTerm = all.Count == 0 ? truncatedTerm : all[^1].Term;
        if (truncatedIndex + (ulong)all.Count != lastIndex || foundTerm != lastTerm)
        {
            return false;
        }

        group.Reset(truncatedIndex, truncatedTerm);
        group.Append(truncatedIndex + 1, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(all));
        return true;
    }

    private LogGroup FindOrGather(in Context context)
    {
        if (!table.TryFind(context.Group, out LogGroup? group))
        {
            group = table.Add(context.Group, isWhole: false);
        }

        table.Touch(group);
        return group;
    }

    private void Damage(in Context context, string reason) =>
        Damage(context, new LogDamage(context.Group, context.Segment.Name, context.BodyOffset, reason));

    private LogGroup Damage(in Context context, LogDamage damage)
    {
        LogGroup group = table.Add(context.Group, isWhole: false);
        group.Damage = damage;
        table.Touch(group);
        return group;
    }

    /// <summary>Whose record it is and where its body lies.</summary>
    private readonly record struct Context(ulong Group, Segment Segment, long BodyOffset, int BodyLength);
}
