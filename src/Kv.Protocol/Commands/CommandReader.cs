using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Protocol.Commands;

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
