using System.Buffers.Binary;

namespace Kv.Protocol.Commands;

/// <summary>A client's session: 16 random bytes, compared and ordered as two numbers.</summary>
public readonly record struct SessionId(ulong High, ulong Low) : IComparable<SessionId>
{
    public const int Bytes = 16;

    public static SessionId Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    public int CompareTo(SessionId other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);
}

/// <summary>Identity of a write as every retry repeats it (Once law).</summary>
/// <param name="Session">Who writes.</param>
/// <param name="Sequence">Rises by one per write of the session, from 1.</param>
/// <param name="Stamp">Newest region time the client had seen at the first send, in microseconds.</param>
/// <param name="LowestUnacknowledged">No retry of a lower sequence will come.</param>
public readonly record struct CommandIdentity(
    SessionId Session, ulong Sequence, ulong Stamp, ulong LowestUnacknowledged);
