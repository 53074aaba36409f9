// Owns the layout of keys in the meta column family (docs/on-disk-format.md). One letter tells the kind; numbers are
// big-endian, so that keys of one region stand together and in order.
using System.Buffers.Binary;
using Kv.Base;

namespace Kv.Store.Meta;

internal static class MetaKeys
{
    /// <summary>'R' region: descriptor and life state of this store's peer.</summary>
    public static byte[] Region(RegionId region) => WithRegion((byte)'R', region);

    /// <summary>'A' region: applied index and term, revision, region time, floor.</summary>
    public static byte[] Applied(RegionId region) => WithRegion((byte)'A', region);

    /// <summary>'O' region index: the outcomes of one entry (Once law).</summary>
    public static byte[] Outcomes(RegionId region, LogIndex index)
    {
        byte[] key = new byte[17];
        WriteOutcomes(key, region, index);
        return key;
    }

    public static void WriteOutcomes(Span<byte> key, RegionId region, LogIndex index)
    {
        key[0] = (byte)'O';
        BinaryPrimitives.WriteUInt64BigEndian(key[1..], region.Value);
        BinaryPrimitives.WriteUInt64BigEndian(key[9..], index.Value);
    }

    public static LogIndex OutcomesIndex(ReadOnlySpan<byte> key) => new(BinaryPrimitives.ReadUInt64BigEndian(key[9..]));

    public static byte[] OutcomesEnd(RegionId region) => WithRegion((byte)'O', new RegionId(region.Value + 1));

    /// <summary>'S' store: what this store last heard of another one (Finding law).</summary>
    public static byte[] KnownStore(StoreId store) => WithRegion((byte)'S', new RegionId(store.Value));

    public static byte[] RegionsStart => [(byte)'R'];

    public static byte[] RegionsEnd => [(byte)'R' + 1];

    public static byte[] KnownStoresStart => [(byte)'S'];

    public static byte[] KnownStoresEnd => [(byte)'S' + 1];

    private static byte[] WithRegion(byte kind, RegionId region)
    {
        byte[] key = new byte[9];
        key[0] = kind;
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(1), region.Value);
        return key;
    }
}
