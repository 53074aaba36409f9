// Owns the bytes of an outcome row: what one raft entry's writes left behind (Once law, Format law).
//
// Row: format (1 byte, = 1), session count, per session: id (16 bytes), mark, greatest stamp; outcome count, per
// outcome: session's place in the table, sequence, stamp, revision, first key, span flag (1 byte) and, when set, last
// key.
// Format 2, only when some outcome needs it: instead of the span flag flags (1 byte: 1 last key follows, 2 the span
// ends before it, 4 a remembered result follows as bytes).
using System.Buffers;
using Kv.Base;
using Kv.Protocol.Commands;

namespace Kv.Store.Apply;

internal sealed class OutcomeRowWriter
{
    public const byte HasLastKey = 1;
    public const byte EndsBeforeLast = 2;
    public const byte HasResult = 4;

    /// <summary>A row of which no outcome has flags beyond <see cref="HasLastKey"/>.</summary>
    public const byte PlainFormat = 1;

    public const byte GuardedFormat = 2;

    private readonly List<SessionId> _sessions = [];
    private readonly ArrayBufferWriter<byte> _outcomes = new();
    private readonly ArrayBufferWriter<byte> _row = new();
    private int _count;
    private byte _flags;

    public void Add(in CommandIdentity identity, ReadOnlySpan<byte> firstKey, ReadOnlySpan<byte> lastKey,
        ulong revision, bool endsBeforeLast, byte[]? result)
    {
        int place = _sessions.LastIndexOf(identity.Session);
        if (place < 0)
        {
            place = _sessions.Count;
            _sessions.Add(identity.Session);
        }

        var writer = new SpanWriter(_outcomes);
        writer.WriteVarUInt64((ulong)place);
        writer.WriteVarUInt64(identity.Sequence);
        writer.WriteVarUInt64(identity.Stamp);
        writer.WriteVarUInt64(revision);
        writer.WriteBytes(firstKey);
        byte flags = (byte)((firstKey.SequenceEqual(lastKey) ? 0 : HasLastKey)
            | (endsBeforeLast ? EndsBeforeLast : 0) | (result is null ? 0 : HasResult));
        writer.WriteByte(flags);
        if ((flags & HasLastKey) != 0)
        {
            writer.WriteBytes(lastKey);
        }

        if (result is not null)
        {
            writer.WriteBytes(result);
        }

        _flags |= flags;
        _count++;
    }

    /// <summary>The row's bytes, valid until the next <see cref="Add"/>; starts the next row.</summary>
    public ReadOnlySpan<byte> End(Func<SessionId, (ulong Mark, ulong MaxStamp)> sessionState)
    {
        _row.ResetWrittenCount();
        var writer = new SpanWriter(_row);
        writer.WriteByte(_flags > HasLastKey ? GuardedFormat : PlainFormat);
        writer.WriteVarUInt64((ulong)_sessions.Count);
        foreach (SessionId session in _sessions)
        {
            session.Write(_row.GetSpan(SessionId.Bytes));
            _row.Advance(SessionId.Bytes);
            (ulong mark, ulong maxStamp) = sessionState(session);
            writer.WriteVarUInt64(mark);
            writer.WriteVarUInt64(maxStamp);
        }

        writer.WriteVarUInt64((ulong)_count);
        writer.WriteRaw(_outcomes.WrittenSpan);
        _sessions.Clear();
        _outcomes.ResetWrittenCount();
        _count = 0;
        _flags = 0;
        return _row.WrittenSpan;
    }
}

internal static class OutcomeRowReader
{
    private const byte FlagsMax =
        OutcomeRowWriter.HasLastKey | OutcomeRowWriter.EndsBeforeLast | OutcomeRowWriter.HasResult;

    public delegate void SessionHandler(SessionId session, ulong mark, ulong maxStamp);

    public delegate void OutcomeHandler(
        SessionId session, ulong sequence, ulong stamp, ulong revision, ReadOnlySpan<byte> firstKey,
            ReadOnlySpan<byte> lastKey, bool endsBeforeLast, ReadOnlySpan<byte> result);

    public static void Read(ReadOnlySpan<byte> row, SessionHandler onSession, OutcomeHandler onOutcome)
    {
        var reader = new SpanReader(row);
        byte format = reader.ReadByte();
        if (format is not (OutcomeRowWriter.PlainFormat or OutcomeRowWriter.GuardedFormat))
        {
            throw new MalformedDataException($"outcome row format {format} is not known to this version");
        }

        int sessionCount = reader.ReadVarInt32(reader.Remaining / SessionId.Bytes);
        var sessions = new SessionId[sessionCount];
        for (int i = 0; i < sessionCount; i++)
        {
            sessions[i] = SessionId.Read(reader.Take(SessionId.Bytes));
            ulong mark = reader.ReadVarUInt64();
            onSession(sessions[i], mark, reader.ReadVarUInt64());
        }

        int count = reader.ReadVarInt32(reader.Remaining);
        for (int i = 0; i < count; i++)
        {
            int place = reader.ReadVarInt32(Math.Max(0, sessionCount - 1));
            ulong sequence = reader.ReadVarUInt64();
            ulong stamp = reader.ReadVarUInt64();
            ulong revision = reader.ReadVarUInt64();
            ReadOnlySpan<byte> first = reader.ReadBytes();
            byte flags = reader.ReadByte();
            if (flags > (format == OutcomeRowWriter.PlainFormat ? OutcomeRowWriter.HasLastKey : FlagsMax))
            {
                throw new MalformedDataException($"flags {flags} of an outcome are not known to this version");
            }

            ReadOnlySpan<byte> last = (flags & OutcomeRowWriter.HasLastKey) == 0 ? first : reader.ReadBytes();
            ReadOnlySpan<byte> result = (flags & OutcomeRowWriter.HasResult) == 0 ? default : reader.ReadBytes();
            bool endsBeforeLast = (flags & OutcomeRowWriter.EndsBeforeLast) != 0;
            onOutcome(sessions[place], sequence, stamp, revision, first, last, endsBeforeLast, result);
        }

        reader.ExpectEnd();
    }
}
