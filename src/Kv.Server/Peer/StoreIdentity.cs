using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;

namespace Kv.Server.Peer;

/// <summary>Who this store is in its cluster, as it says in every first message.</summary>
internal sealed record StoreIdentity(ClusterId Cluster, StoreInfo Self)
{
    public Hello Hello(StoreId to, Lane lane) => new()
    {
        ClusterId = Cluster.Value,
        FromStoreId = Self.Id,
        FromIncarnation = Self.Incarnation,
        ToStoreId = to.Value,
        ProtocolVersion = ProtocolVersion.Current,
        Lane = lane,
        From = Self,
    };

    /// <summary>Why a first message is refused, by name; null = it is right.</summary>
    public string? Check(Hello hello)
    {
        string me = $"store {Self.Id} of cluster {Cluster}";
        if (hello.ProtocolVersion != ProtocolVersion.Current)
        {
            return $"{me} speaks protocol {ProtocolVersion.Current}, store {hello.FromStoreId} speaks "
                + $"{hello.ProtocolVersion}";
        }

        if (hello.ClusterId != Cluster.Value)
        {
            return $"{me} was called by store {hello.FromStoreId} of cluster {new ClusterId(hello.ClusterId)}";
        }

        if (hello.ToStoreId != Self.Id)
        {
            return $"{me} was called as store {hello.ToStoreId}";
        }

        if (hello.FromStoreId == 0 || hello.FromStoreId == Self.Id || hello.FromIncarnation == 0)
        {
            return $"{me} was called by a store that names itself {hello.FromStoreId}, incarnation "
                + $"{hello.FromIncarnation}";
        }

        return hello.Lane is Lane.Control or Lane.Append or Lane.Snapshot ? null
            : $"{me} knows no lane {(int)hello.Lane}";
    }
}
