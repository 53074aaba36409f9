using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Protocol.Commands;

/// <summary>A kind or version of command or entry that this program does not know: the peer must stop, never skip (Apply law).</summary>
public sealed class UnknownCommandException(string message) : Exception(message);

/// <summary>Reads an entry command by command, without copying. Throws <see cref="MalformedDataException"/> on bytes that are no entry.</summary>
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

/// <summary>One command of an entry: its identity, then its mutations one by one.</summary>
public ref struct CommandReader
{
    private SpanReader _reader;
    private int _left;

    internal CommandReader(ReadOnlySpan<byte> command)
    {
        _reader = new SpanReader(command);
        byte kind = _reader.ReadByte();
        byte version = _reader.ReadByte();
        if (kind != (byte)CommandKind.Write || version != EntryCodec.WriteVersion)
        {
            throw new UnknownCommandException($"command kind {kind} version {version} is not known to this version");
        }

        var session = SessionId.Read(_reader.Take(SessionId.Bytes));
        ulong sequence = _reader.ReadVarUInt64();
        ulong stamp = _reader.ReadVarUInt64();
        ulong lowest = _reader.ReadVarUInt64();
        Identity = new CommandIdentity(session, sequence, stamp, lowest);
        _left = MutationCount = _reader.ReadVarInt32(int.MaxValue);
    }

    public CommandIdentity Identity { get; }

    public int MutationCount { get; }

    /// <summary>The next mutation; false at the end. Spans point into the entry.</summary>
    public bool TryRead(out MutationKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        if (_left == 0)
        {
            _reader.ExpectEnd();
            kind = default;
            key = default;
            value = default;
            return false;
        }

        _left--;
        kind = (MutationKind)_reader.ReadByte();
        key = _reader.ReadBytes();
        value = kind switch
        {
            MutationKind.Put => _reader.ReadBytes(),
            MutationKind.Delete => default,
            _ => throw new UnknownCommandException($"mutation kind {(byte)kind} is not known to this version"),
        };
        return true;
    }
}
