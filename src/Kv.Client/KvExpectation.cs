using System.Text;
using Google.Protobuf;
using Kv.Protocol.V1;

namespace Kv.Client;

/// <summary>
/// What a key must be like for a conditional write to take effect: absent, of certain bytes, or written last by the
/// write of a certain revision. The default value expects nothing and is refused. Bytes given to it must not change
/// until the call it is given to has returned its task.
/// </summary>
public readonly struct KvExpectation : IEquatable<KvExpectation>
{
    private readonly Kind _kind;
    private readonly ReadOnlyMemory<byte> _value;
    private readonly ulong _revision;

    private KvExpectation(Kind kind, ReadOnlyMemory<byte> value, ulong revision)
    {
        _kind = kind;
        _value = value;
        _revision = revision;
    }

    private enum Kind : byte
    {
        Nothing = 0,
        Absent = 1,
        Value = 2,
        Revision = 3,
    }

    /// <summary>The key does not exist.</summary>
    public static KvExpectation Absent => new(Kind.Absent, default, 0);

    /// <summary>The key exists and its value is these bytes, which may be none.</summary>
    public static KvExpectation Value(ReadOnlyMemory<byte> value) => new(Kind.Value, value, 0);

    /// <summary>The key exists and its value is this text (UTF-8).</summary>
    public static KvExpectation Value(string value) => Value(Encoding.UTF8.GetBytes(value));

    /// <summary>
    /// The key exists and was written last by the write of this revision, as reads and receipts tell it. Unlike a value
    /// it is never the same again after a change and its undoing.
    /// </summary>
    public static KvExpectation Revision(ulong revision) => new(Kind.Revision, default, revision);

    /// <inheritdoc/>
    public bool Equals(KvExpectation other) =>
        _kind == other._kind && _revision == other._revision && _value.Span.SequenceEqual(other._value.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is KvExpectation other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_kind, _revision, _value.Length);

    /// <summary>Whether both expect the same.</summary>
    public static bool operator ==(KvExpectation left, KvExpectation right) => left.Equals(right);

    /// <summary>Whether they expect different things.</summary>
    public static bool operator !=(KvExpectation left, KvExpectation right) => !left.Equals(right);

    internal Expectation ToMessage() => _kind switch
    {
        Kind.Absent => new Expectation { Absent = true },
        Kind.Value => new Expectation { Value = ByteString.CopyFrom(_value.Span) },
        Kind.Revision => new Expectation { Revision = _revision },
        _ => new Expectation(),
    };
}
