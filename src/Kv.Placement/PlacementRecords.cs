// Owns names and forms of what placement keeps in the system region.
using System.Buffers.Binary;
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Placement;

/// <summary>Keys of the driver's replicated state, and mutations that write it.</summary>
internal static class PlacementRecords
{
    public static readonly byte[] ClusterKey = "placement/cluster"u8.ToArray();

    public static readonly byte[] IdBlockKey = "placement/ids"u8.ToArray();

    public static readonly byte[] StorePrefix = "placement/store/"u8.ToArray();

    public static byte[] StoreKey(StoreId store)
    {
        byte[] key = new byte[StorePrefix.Length + sizeof(ulong)];
        StorePrefix.CopyTo(key, 0);
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(StorePrefix.Length), store.Value);
        return key;
    }

    public static Mutation Put(byte[] key, IMessage value) => new()
    {
        Kind = MutationKind.Put,
        Key = ByteString.CopyFrom(key),
        Value = value.ToByteString(),
    };

    /// <summary>The lasting part of what a store tells of itself.</summary>
    public static StoreInfo Lasting(StoreInfo store)
    {
        StoreInfo lasting = store.Clone();
        lasting.Incarnation = 0;
        lasting.Version = "";
        return lasting;
    }
}
