using Kv.Base;

namespace Kv.Protocol.Commands;

/// <summary>
/// A kind or version of command or entry that this program does not know: the peer must stop, never skip (Apply law).
/// </summary>
public sealed class UnknownCommandException(string message) : Exception(message);

/// <summary>
/// Reads an entry command by command, without copying. Throws <see cref="MalformedDataException"/> on bytes that are no
/// entry.
/// </summary>
public ref struct EntryReader
{
    private SpanReader _reader;
    private int _left;

    public EntryReader(ReadOnlySpan<byte> entry)
    {
        _reader = new SpanReader(entry);
        byte format = _reader.ReadByte();
        if (format != EntryCodec.EntryFormat)
        {
            throw new UnknownCommandException($"entry format {format} is not known to this version");
        }

        ulong version = _reader.ReadVarUInt64();
        ulong time = _reader.ReadVarUInt64();
        _left = _reader.ReadVarInt32(EntryCodec.CommandCountMax);
        Header = new EntryHeader(version, time, _left);
    }

    public EntryHeader Header { get; }

    /// <summary>The next command; false at the end.</summary>
    public bool TryRead(out CommandReader command)
    {
        if (_left == 0)
        {
            _reader.ExpectEnd();
            command = default;
            return false;
        }

        _left--;
        command = new CommandReader(_reader.ReadBytes());
        return true;
    }
}
