using System.Text;
using Google.Protobuf;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

/// <summary>Short ways to write messages in tests.</summary>
internal static class Messages
{
    public static readonly Kv.Protocol.Commands.SessionId Session = new(0x1111, 0x2222);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Address(ulong storeId) => $"store{storeId}:1";

    public static StoreInfo Store(ulong id, ulong incarnation = 1) => new()
    {
        Id = id,
        ClientAddress = Address(id),
        PeerAddress = $"peer{id}:1",
        Incarnation = incarnation,
    };

    /// <summary>A region whose peer on store s has id 100 × region + s.</summary>
    public static Region Region(
        ulong id, string start, string end, ulong version = 1, ulong confVersion = 1, params ulong[] stores)
    {
        var region = new Region
        {
            Id = id,
            StartKey = ByteString.CopyFromUtf8(start),
            EndKey = ByteString.CopyFromUtf8(end),
            Epoch = new RegionEpoch { Version = version, ConfVersion = confVersion },
        };
        foreach (ulong store in stores.Length > 0 ? stores : [1, 2, 3])
        {
            region.Peers.Add(new Peer { Id = (100 * id) + store, StoreId = store });
        }

        return region;
    }

    public static RegionRoute Route(
        ulong id, string start, string end, ulong leader, ulong version = 1, ulong confVersion = 1, ulong term = 1) =>
        new()
        {
            Region = Region(id, start, end, version, confVersion),
            LeaderPeerId = leader == 0 ? 0 : (100 * id) + leader,
            Term = term,
        };

    public static Response Error(ulong requestId, RegionError error) =>
        new() { Id = requestId, RegionTime = 1000, Error = error };
}
