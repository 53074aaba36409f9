// Owns the outcomes of identified writes of one region (Once law): what makes a retry get the first outcome instead of
// a second effect. Part of the replicated state: every peer computes the same table from the same log, and a table
// loaded from meta equals the one that was never unloaded. Therefore everything here depends on log order and log
// content only.
//
// Invariants: an outcome is kept while its stamp is not below the floor and its sequence not below its session's mark;
// a row stays in meta while it holds such an outcome or is the newest row of a session, because the newest row carries
// the session's mark.
using System.Runtime.InteropServices;
using Kv.Base;
using Kv.Engine;
using Kv.Protocol.Commands;
using Kv.Store.Meta;

namespace Kv.Store.Apply;

internal enum OnceVerdict : byte
{
    /// <summary>Never seen: execute and record.</summary>
    New = 0,

    /// <summary>Executed before: answer with the recorded outcome.</summary>
    Duplicate = 1,

    /// <summary>Stamped below the floor: refuse, never execute.</summary>
    BelowFloor = 2,

    /// <summary>Below what the session has acknowledged: a stray copy; refuse, never execute.</summary>
    BelowMark = 3,
}

internal sealed class OnceTable(RegionId region, long bytesMax)
{
    private const long SessionBytes = 128;
    private const long OutcomeBytes = 64;

    private readonly Dictionary<SessionId, Session> _sessions = [];
    private readonly Dictionary<ulong, Row> _rows = [];
    private readonly OutcomeRowWriter _row = new();
    private readonly List<ulong> _deadRows = [];
    private ulong _openRow;

    /// <summary>Bytes counted against the bound; the same on every peer at the same applied index.</summary>
    public long Bytes { get; private set; }

    public int OutcomeCount { get; private set; }

    public int RowCount => _rows.Count;

    /// <summary>Reads the region's rows as of the engine's current state.</summary>
    public static OnceTable Load(IEngineReader engine, RegionId region, long bytesMax, ulong floor)
    {
        var table = new OnceTable(region, bytesMax);
        using IEngineIterator rows = engine.Iterate(
            ColumnFamily.Meta, MetaKeys.Outcomes(region, LogIndex.Zero), MetaKeys.OutcomesEnd(region));
        for (rows.SeekToFirst(); rows.Valid; rows.Next())
        {
            ulong index = MetaKeys.OutcomesIndex(rows.Key).Value;
            table._openRow = index;
            OutcomeRowReader.Read(rows.Value, table.LoadSession, table.LoadOutcome);
        }

        table._openRow = 0;
        table.DropDead(floor);
        table._deadRows.Clear();
        return table;
    }

    /// <summary>
    /// Whether the write was executed before; if so, its revision and what else <see cref="RememberedResult"/> keeps.
    /// </summary>
    public OnceVerdict Check(
        in CommandIdentity identity, ReadOnlySpan<byte> firstKey, ulong floor, out ulong revision, out byte[]? result)
    {
        revision = 0;
        result = null;
        if (identity.Stamp < floor)
        {
            return OnceVerdict.BelowFloor;
        }

        if (!_sessions.TryGetValue(identity.Session, out Session? session))
        {
            return OnceVerdict.New;
        }

        if (identity.Sequence < session.Mark)
        {
            return OnceVerdict.BelowMark;
        }

        if (session.Outcomes.TryGetValue(identity.Sequence, out Outcome? outcome))
        {
            for (Outcome? part = outcome; part is not null; part = part.NextPart)
            {
                if (part.Covers(firstKey))
                {
                    revision = part.Revision;
                    result = part.Result;
                    return OnceVerdict.Duplicate;
                }
            }
        }

        return OnceVerdict.New;
    }

    /// <summary>
    /// Records an executed write of the entry at <paramref name="index"/>; its keys span [first, last], or [first,
    /// last) when <paramref name="endsBeforeLast"/>.
    /// </summary>
    public void Record(
        in CommandIdentity identity, LogIndex index, ReadOnlySpan<byte> firstKey, ReadOnlySpan<byte> lastKey,
            ulong revision, bool endsBeforeLast = false, byte[]? result = null)
    {
        Invariant.Require(_openRow == 0 || _openRow == index.Value);
        _openRow = index.Value;
        Session session = Touch(identity.Session);
        session.MaxStamp = Math.Max(session.MaxStamp, identity.Stamp);
        AddOutcome(session, identity.Sequence, identity.Stamp, firstKey, lastKey, revision, endsBeforeLast, result);
        _row.Add(identity, firstKey, lastKey, revision, endsBeforeLast, result);
        if (identity.LowestUnacknowledged > session.Mark)
        {
            RaiseMark(session, identity.LowestUnacknowledged);
        }
    }

    /// <summary>
    /// Ends an entry: writes its row, lets the floor rise by age or bytes, and deletes rows that nothing needs. Returns
    /// the floor.
    /// </summary>
    public ulong EndEntry(IEngineBatch batch, ulong floor, ulong ageFloor)
    {
        Span<byte> key = stackalloc byte[17];
        if (_openRow != 0)
        {
            MetaKeys.WriteOutcomes(key, region, new LogIndex(_openRow));
            batch.Put(ColumnFamily.Meta, key, _row.End(MarkOf));
            _openRow = 0;
        }

        if (ageFloor > floor)
        {
            floor = ageFloor;
            DropDead(floor);
        }

        if (Bytes > bytesMax)
        {
            floor = Math.Max(floor, FloorForBytes(bytesMax / 4 * 3));
            DropDead(floor);
        }

        foreach (ulong row in _deadRows)
        {
            MetaKeys.WriteOutcomes(key, region, new LogIndex(row));
            batch.Delete(ColumnFamily.Meta, key);
        }

        _deadRows.Clear();
        return floor;
    }

    private (ulong Mark, ulong MaxStamp) MarkOf(SessionId id)
    {
        Session session = _sessions[id];
        return (session.Mark, session.MaxStamp);
    }

    private void LoadSession(SessionId id, ulong mark, ulong maxStamp)
    {
        Session session = Touch(id);
        session.MaxStamp = Math.Max(session.MaxStamp, maxStamp);
        if (mark > session.Mark)
        {
            RaiseMark(session, mark);
        }
    }

    private void LoadOutcome(
        SessionId id, ulong sequence, ulong stamp, ulong revision, ReadOnlySpan<byte> firstKey,
            ReadOnlySpan<byte> lastKey, bool endsBeforeLast, ReadOnlySpan<byte> result)
    {
        Session session = _sessions[id];
        if (sequence >= session.Mark)
        {
            AddOutcome(
                session, sequence, stamp, firstKey, lastKey, revision, endsBeforeLast,
                    result.IsEmpty ? null : result.ToArray());
        }
    }

    /// <summary>Finds or makes the session and makes the open row its newest.</summary>
    private Session Touch(SessionId id)
    {
        ref Session? session = ref CollectionsMarshal.GetValueRefOrAddDefault(_sessions, id, out bool known);
        if (!known)
        {
            session = new Session();
            Bytes += SessionBytes;
        }

        if (session!.NewestRow != _openRow)
        {
            RowAt(_openRow).NewestOf++;
            if (session.NewestRow != 0)
            {
                Row old = _rows[session.NewestRow];
                old.NewestOf--;
                Bury(session.NewestRow, old);
            }

            session.NewestRow = _openRow;
        }

        return session;
    }

    private void AddOutcome(
        Session session, ulong sequence, ulong stamp, ReadOnlySpan<byte> firstKey, ReadOnlySpan<byte> lastKey,
            ulong revision, bool endsBeforeLast, byte[]? result)
    {
        byte[] first = firstKey.ToArray();
        byte[] last = firstKey.SequenceEqual(lastKey) ? first : lastKey.ToArray();
        ref Outcome? slot = ref CollectionsMarshal.GetValueRefOrAddDefault(session.Outcomes, sequence, out _);
        slot = endsBeforeLast || result is not null
            ? new GuardedOutcome(endsBeforeLast, result)
            {
                Row = _openRow,
                Stamp = stamp,
                Revision = revision,
                First = first,
                Last = last,
                NextPart = slot,
            }
            : new Outcome
            {
                Row = _openRow,
                Stamp = stamp,
                Revision = revision,
                First = first,
                Last = last,
                NextPart = slot,
            };
        RowAt(_openRow).Live++;
        OutcomeCount++;
        Bytes += slot.Bytes;
    }

    private Row RowAt(ulong index)
    {
        ref Row? row = ref CollectionsMarshal.GetValueRefOrAddDefault(_rows, index, out _);
        return row ??= new Row();
    }

    private void RaiseMark(Session session, ulong mark)
    {
        ulong from = session.Mark;
        session.Mark = mark;
        if (session.Outcomes.Count == 0)
        {
            return;
        }

        if (mark - from <= (ulong)session.Outcomes.Count)
        {
            for (ulong sequence = from; sequence < mark; sequence++)
            {
                Forget(session, sequence);
            }

            return;
        }

        // A wide jump over few outcomes: walking what is held is shorter. Removing while walking is allowed by
        // Dictionary.
        foreach (ulong sequence in session.Outcomes.Keys)
        {
            if (sequence < mark)
            {
                Forget(session, sequence);
            }
        }
    }

    private void Forget(Session session, ulong sequence)
    {
        if (session.Outcomes.Remove(sequence, out Outcome? outcome))
        {
            for (Outcome? part = outcome; part is not null; part = part.NextPart)
            {
                Release(part);
            }
        }
    }

    private void Release(Outcome part)
    {
        Row row = _rows[part.Row];
        row.Live--;
        OutcomeCount--;
        Bytes -= part.Bytes;
        Bury(part.Row, row);
    }

    private void Bury(ulong index, Row row)
    {
        Invariant.Require(row.Live >= 0 && row.NewestOf >= 0);
        if (row.Live == 0 && row.NewestOf == 0 && index != _openRow)
        {
            _rows.Remove(index);
            _deadRows.Add(index);
        }
    }

    private void DropDead(ulong floor)
    {
        foreach ((SessionId id, Session session) in _sessions)
        {
            foreach (ulong sequence in session.Outcomes.Keys)
            {
                DropDeadParts(session, sequence, floor);
            }

            if (session.Outcomes.Count == 0 && session.MaxStamp < floor)
            {
                _sessions.Remove(id);
                Bytes -= SessionBytes;
                Row row = _rows[session.NewestRow];
                row.NewestOf--;
                Bury(session.NewestRow, row);
            }
        }

        // Rows die in an order that depends on dictionaries; what is deleted does not, but keep the batch the same
        // everywhere.
        _deadRows.Sort();
    }

    /// <summary>
    /// Parts of one sequence should share the stamp, but a client may not keep to that; each part goes by its own, so
    /// that the table depends on nothing but the rows.
    /// </summary>
    private void DropDeadParts(Session session, ulong sequence, ulong floor)
    {
        ref Outcome? head = ref CollectionsMarshal.GetValueRefOrNullRef(session.Outcomes, sequence)!;
        Outcome? kept = null;
        Outcome? last = null;
        for (Outcome? part = head; part is not null; part = part.NextPart)
        {
            if (part.Stamp < floor)
            {
                Release(part);
                continue;
            }

            kept ??= part;
            if (last is not null)
            {
                last.NextPart = part;
            }

            last = part;
        }

        if (kept is null)
        {
            session.Outcomes.Remove(sequence);
            return;
        }

        last!.NextPart = null;
        head = kept;
    }

    private ulong FloorForBytes(long target)
    {
        var stamps = new List<(ulong Stamp, long Bytes)>();
        foreach (Session session in _sessions.Values)
        {
            stamps.Add((session.MaxStamp, SessionBytes));
            foreach (Outcome outcome in session.Outcomes.Values)
            {
                for (Outcome? part = outcome; part is not null; part = part.NextPart)
                {
                    stamps.Add((part.Stamp, part.Bytes));
                }
            }
        }

        stamps.Sort((a, b) => a.Stamp.CompareTo(b.Stamp));
        long left = Bytes;
        ulong floor = 0;
        foreach ((ulong stamp, long bytes) in stamps)
        {
            if (left <= target && stamp >= floor)
            {
                break;
            }

            left -= bytes;
            floor = stamp + 1;
        }

        return floor;
    }

    private sealed class Session
    {
        public Dictionary<ulong, Outcome> Outcomes { get; } = [];

        public ulong Mark { get; set; }

        public ulong MaxStamp { get; set; }

        public ulong NewestRow { get; set; }
    }

    private class Outcome
    {
        public required ulong Row { get; init; }

        public required ulong Stamp { get; init; }

        public required ulong Revision { get; init; }

        public required byte[] First { get; init; }

        public required byte[] Last { get; init; }

        /// <summary>Another part of the same sequence: a batch whose retry was cut by a split.</summary>
        public required Outcome? NextPart { get; set; }

        public virtual long Bytes => OutcomeBytes + First.Length + (ReferenceEquals(First, Last) ? 0 : Last.Length);

        /// <summary>See <see cref="RememberedResult"/>; null = applied, and nothing more to tell.</summary>
        public virtual byte[]? Result => null;

        public virtual bool Covers(ReadOnlySpan<byte> key) =>
            key.SequenceCompareTo(First) >= 0 && key.SequenceCompareTo(Last) <= 0;
    }

    /// <summary>What only few writes leave behind, so that all others stay small.</summary>
    private sealed class GuardedOutcome(bool endsBeforeLast, byte[]? result) : Outcome
    {
        public override long Bytes => base.Bytes + (result?.Length ?? 0);

        public override byte[]? Result => result;

        public override bool Covers(ReadOnlySpan<byte> key) =>
            base.Covers(key) && !(endsBeforeLast && key.SequenceEqual(Last));
    }

    private sealed class Row
    {
        public int Live { get; set; }

        public int NewestOf { get; set; }
    }
}
