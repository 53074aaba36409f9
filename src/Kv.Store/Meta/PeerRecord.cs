// Owns what a store knows durably of one of its peers: life, range, epoch, membership, applied index and term (Truth
// law).
// A record is a value; changing a peer is writing a new record in the batch that makes it true.
using System.Buffers;
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Store.Meta;

internal enum PeerLife : byte
{
    Live = 1,

    /// <summary>
    /// Damaged or inconsistent: keeps its bytes, votes for nobody, acknowledges and serves nothing (Damage law).
    /// </summary>
    Quarantined = 2,

    /// <summary>Destroyed; lower peer ids of this region are refused for ever (Truth law).</summary>
    Tombstone = 3,
}

/// <summary>
/// <c>meta</c>'s word on one region of this store (Truth law): whether a peer lives, its range, epoch and peers, and
/// the log position it was born at.
/// </summary>
internal sealed record PeerRecord(RegionDescriptor Descriptor, PeerLife Life, LogIndex InitialIndex, Term InitialTerm)
{
    private const byte Format = 1;

    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new SpanWriter(output);
        writer.WriteByte(Format);
        writer.WriteByte((byte)Life);
        writer.WriteVarUInt64(InitialIndex.Value);
        writer.WriteVarUInt64(InitialTerm.Value);
        writer.WriteBytes(Descriptor.ToMessage().ToByteArray());
        return output.WrittenSpan.ToArray();
    }

    public static PeerRecord Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        byte format = reader.ReadByte();
        if (format != Format)
        {
            throw new MalformedDataException($"region record format {format} is not known to this version");
        }

        var life = (PeerLife)reader.ReadByte();
        if (!Enum.IsDefined(life))
        {
            throw new MalformedDataException($"region record has the unknown life state {(byte)life}");
        }

        var index = new LogIndex(reader.ReadVarUInt64());
        var term = new Term(reader.ReadVarUInt64());
        Region message = Region.Parser.ParseFrom(reader.ReadBytes());
        reader.ExpectEnd();
        return new PeerRecord(RegionDescriptor.FromMessage(message), life, index, term);
    }
}
