// Owns the bytes of an outcome row: what one raft entry's writes left behind (Once law, Format law).
//
// Row: format (1 byte, = 1), session count, per session: id (16 bytes), mark, greatest stamp; outcome count, per
// outcome: session's place in the table, sequence, stamp, revision, first key, span flag (1 byte) and, when set, last
// key.
using System.Buffers;
using Kv.Base;
using Kv.Protocol.Commands;

namespace Kv.Store.Apply;

internal sealed class OutcomeRowWriter
{
    private const byte Format = 1;

    private readonly List<SessionId> _sessions = [];
    private readonly ArrayBufferWriter<byte> _outcomes = new();
    private readonly ArrayBufferWriter<byte> _row = new();
    private int _count;

    public void Add(in CommandIdentity identity, ReadOnlySpan<byte> firstKey, ReadOnlySpan<byte> lastKey,
        ulong revision)
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
        bool span = !firstKey.SequenceEqual(lastKey);
        writer.WriteByte(span ? (byte)1 : (byte)0);
        if (span)
        {
            writer.WriteBytes(lastKey);
        }

        _count++;
    }

    /// <summary>The row's bytes, valid until the next <see cref="Add"/>; starts the next row.</summary>
    public ReadOnlySpan<byte> End(Func<SessionId, (ulong Mark, ulong MaxStamp)> sessionState)
    {
        _row.ResetWrittenCount();
        var writer = new SpanWriter(_row);
        writer.WriteByte(Format);
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
        return _row.WrittenSpan;
    }
}

internal static class OutcomeRowReader
{
    public delegate void SessionHandler(SessionId session, ulong mark, ulong maxStamp);

    public delegate void OutcomeHandler(
        SessionId session, ulong sequence, ulong stamp, ulong revision, ReadOnlySpan<byte> firstKey,
            ReadOnlySpan<byte> lastKey);

    public static void Read(ReadOnlySpan<byte> row, SessionHandler onSession, OutcomeHandler onOutcome)
    {
        var reader = new SpanReader(row);
        byte format = reader.ReadByte();
        if (format != 1)
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
            ReadOnlySpan<byte> last = reader.ReadByte() == 0 ? first : reader.ReadBytes();
            onOutcome(sessions[place], sequence, stamp, revision, first, last);
        }

        reader.ExpectEnd();
    }
}
