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
        Version = _reader.ReadByte();
        if (kind != (byte)CommandKind.Write || Version is not (EntryCodec.PlainVersion or EntryCodec.GuardedVersion))
        {
            throw new UnknownCommandException($"command kind {kind} version {Version} is not known to this version");
        }

        var session = SessionId.Read(_reader.Take(SessionId.Bytes));
        ulong sequence = _reader.ReadVarUInt64();
        ulong stamp = _reader.ReadVarUInt64();
        ulong lowest = _reader.ReadVarUInt64();
        Identity = new CommandIdentity(session, sequence, stamp, lowest);
        FirstIndex = IsPlain ? 0 : (uint)_reader.ReadVarInt32(int.MaxValue);
        _left = MutationCount = _reader.ReadVarInt32(int.MaxValue);
    }

    public byte Version { get; }

    /// <summary>
    /// Whether it holds nothing but puts and deletes, so that it reads nothing and has nothing to tell.
    /// </summary>
    public readonly bool IsPlain => Version == EntryCodec.PlainVersion;

    public CommandIdentity Identity { get; }

    /// <summary>Place of its first mutation in the write that the caller sent first; results count from it.</summary>
    public uint FirstIndex { get; }

    public int MutationCount { get; }

    /// <summary>The next mutation of a plain command; false at the end. Spans point into the entry.</summary>
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
            _ => throw Unknown(kind),
        };
        return true;
    }

    /// <summary>The next mutation of a command of any version; false at the end.</summary>
    public bool TryRead(out CommandMutation mutation)
    {
        mutation = default;
        if (IsPlain)
        {
            bool any = TryRead(out MutationKind kind, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value);
            mutation.Kind = kind;
            mutation.Key = key;
            mutation.Value = value;
            return any;
        }

        if (_left == 0)
        {
            _reader.ExpectEnd();
            return false;
        }

        _left--;
        mutation.Kind = (MutationKind)_reader.ReadByte();
        mutation.Key = _reader.ReadBytes();
        switch (mutation.Kind)
        {
            case MutationKind.Delete:
                break;
            case MutationKind.Put or MutationKind.PutIfAbsent or MutationKind.GetAndPut:
                mutation.Value = _reader.ReadBytes();
                break;
            case MutationKind.CompareAndPut:
                mutation.ExpectedValue = ReadExpected(out ExpectationKind toPut, out ulong putRevision);
                mutation.Expected = toPut;
                mutation.ExpectedRevision = putRevision;
                mutation.Value = _reader.ReadBytes();
                break;
            case MutationKind.CompareAndDelete:
                mutation.ExpectedValue = ReadExpected(out ExpectationKind toDelete, out ulong deleteRevision);
                mutation.Expected = toDelete;
                mutation.ExpectedRevision = deleteRevision;
                break;
            case MutationKind.DeleteRange:
                mutation.End = ReadEnd(mutation.Key);
                break;
            case MutationKind.Sequence or MutationKind.SequenceReset:
                mutation.Number = ReadNumber();
                break;
            default:
                throw Unknown(mutation.Kind);
        }

        return true;
    }

    private ReadOnlySpan<byte> ReadExpected(out ExpectationKind kind, out ulong revision)
    {
        kind = (ExpectationKind)_reader.ReadByte();
        revision = 0;
        switch (kind)
        {
            case ExpectationKind.Absent:
                return default;
            case ExpectationKind.Value:
                return _reader.ReadBytes();
            case ExpectationKind.Revision:
                revision = _reader.ReadVarUInt64();
                return default;
            case ExpectationKind.None:
            default:
                throw new UnknownCommandException($"expectation kind {(byte)kind} is not known to this version");
        }
    }

    private ReadOnlySpan<byte> ReadEnd(scoped ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> end = _reader.ReadBytes();
        return key.SequenceCompareTo(end) < 0
            ? end
            : throw new MalformedDataException("a range ends before it begins");
    }

    private long ReadNumber()
    {
        ulong number = _reader.ReadVarUInt64();
        return number <= long.MaxValue
            ? (long)number
            : throw new MalformedDataException($"a sequence cannot go to {number}");
    }

    private static UnknownCommandException Unknown(MutationKind kind) =>
        new($"mutation kind {(byte)kind} is not known to this version");
}
