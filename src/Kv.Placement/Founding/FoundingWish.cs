// Owns what an init asks for: checked, in one spelling and order, so that two inits can be told to be the same.
using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;

namespace Kv.Placement.Founding;

/// <summary>A checked wish to found a cluster.</summary>
public sealed class FoundingWish
{
    /// <summary>Most founders of one cluster.</summary>
    public const int FoundersMax = 9;

    /// <summary>Most first boundaries. More regions come from splits.</summary>
    public const int SplitKeysMax = 10_000;

    /// <summary>Most bytes of all first boundaries, so that a plan stays one message.</summary>
    public const int SplitKeyBytesMax = 2 * 1024 * 1024;

    private FoundingWish(IReadOnlyList<string> founders, IReadOnlyList<byte[]> splitKeys)
    {
        Founders = founders;
        SplitKeys = splitKeys;
        Hash = HashOf(founders, splitKeys);
    }

    /// <summary>Peer addresses in ordinal order; the first one coordinates.</summary>
    public IReadOnlyList<string> Founders { get; }

    /// <summary>First boundaries in the caller's keys, rising.</summary>
    public IReadOnlyList<byte[]> SplitKeys { get; }

    /// <summary>Same wish, same hash.</summary>
    public ulong Hash { get; }

    /// <summary>Reads an init. Null with the reason when it is wrong.</summary>
    public static FoundingWish? Read(InitRequest request, out string error)
    {
        var founders = new SortedSet<string>(StringComparer.Ordinal);
        if (request.Founders.Count is 0 or > FoundersMax || request.Founders.Count % 2 == 0)
        {
            error = $"init names {request.Founders.Count} founders: name one, or an odd number up to {FoundersMax}";
            return null;
        }

        foreach (string given in request.Founders)
        {
            if (PeerAddress.Normalise(given) is not string address)
            {
                error = $"founder address {given} is not host:port";
                return null;
            }

            if (!founders.Add(address))
            {
                error = $"founder address {address} is named twice";
                return null;
            }
        }

        return ReadSplitKeys(request, out error) is List<byte[]> keys ? new FoundingWish([.. founders], keys) : null;
    }

    /// <summary>The plan: ids from one counter, a peer of every region on every founder.</summary>
    public FoundingPlan Plan(ulong clusterId, IReadOnlyList<StoreInfo> stores, ulong leaseMs, ulong leaseDriftMs)
    {
        Invariant.Require(clusterId != 0 && stores.Count == Founders.Count);
        var plan = new FoundingPlan
        {
            ClusterId = clusterId,
            LeaseMs = leaseMs,
            LeaseDriftMs = leaseDriftMs,
            PlanHash = Hash,
        };
        for (int i = 0; i < stores.Count; i++)
        {
            StoreInfo store = stores[i].Clone();
            store.Id = (ulong)i + 1;
            plan.Founders.Add(store);
        }

        ulong next = (ulong)stores.Count + 1;
        plan.Regions.Add(
            NewRegion(RegionId.System.Value, KeySpace.SystemStart, KeySpace.SystemEnd, stores.Count, ref next));
        byte[] start = KeySpace.UserStart;
        for (int i = 0; i <= SplitKeys.Count; i++)
        {
            byte[] end = i < SplitKeys.Count ? KeySpace.ToInternal(SplitKeys[i]) : KeySpace.UserEnd;
            plan.Regions.Add(NewRegion(next++, start, end, stores.Count, ref next));
            start = end;
        }

        plan.NextId = next;
        return plan;
    }

    private static List<byte[]>? ReadSplitKeys(InitRequest request, out string error)
    {
        error = "";
        var keys = new List<byte[]>(Math.Min(request.InitialSplitKeys.Count, SplitKeysMax));
        long bytes = 0;
        foreach (ByteString key in request.InitialSplitKeys)
        {
            bytes += key.Length;
            if (key.IsEmpty || key.Length > Limits.KeyBytesCeiling)
            {
                error = $"split key {keys.Count + 1} has {key.Length} bytes: allowed are 1 to {Limits.KeyBytesCeiling}";
                return null;
            }

            if (keys.Count == SplitKeysMax || bytes > SplitKeyBytesMax)
            {
                error = $"too many split keys: at most {SplitKeysMax}, with {SplitKeyBytesMax} bytes together";
                return null;
            }

            keys.Add(key.ToByteArray());
        }

        keys.Sort(KeyOrder.Instance);
        for (int i = 1; i < keys.Count; i++)
        {
            if (keys[i].AsSpan().SequenceEqual(keys[i - 1]))
            {
                error = $"split key 0x{Convert.ToHexStringLower(keys[i])} is given twice";
                return null;
            }
        }

        return keys;
    }

    private static Region NewRegion(ulong id, byte[] start, byte[] end, int founderCount, ref ulong next)
    {
        var peers = new PeerDescriptor[founderCount];
        for (int i = 0; i < founderCount; i++)
        {
            peers[i] = new PeerDescriptor(new PeerId(next++), new StoreId((ulong)i + 1), PeerRole.Voter);
        }

        return new RegionDescriptor(new RegionId(id), start, end, Protocol.RegionEpoch.First, peers).ToMessage();
    }

    private static ulong HashOf(IReadOnlyList<string> founders, IReadOnlyList<byte[]> splitKeys)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var writer = new SpanWriter(bytes);
        writer.WriteVarUInt64((ulong)founders.Count);
        foreach (string founder in founders)
        {
            writer.WriteBytes(Encoding.UTF8.GetBytes(founder));
        }

        foreach (byte[] key in splitKeys)
        {
            writer.WriteBytes(key);
        }

        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(bytes.WrittenSpan));
    }
}
