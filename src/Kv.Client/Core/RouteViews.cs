using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>What callers see of routes.</summary>
internal static class RouteViews
{
    public static KvStoreInfo ToInfo(StoreInfo store) => new()
    {
        Id = store.Id,
        ClientAddress = store.ClientAddress,
        PeerAddress = store.PeerAddress,
        HttpAddress = store.HttpAddress,
        Incarnation = store.Incarnation,
        Version = store.Version,
    };

    public static KvRegionInfo ToInfo(RegionRoute route)
    {
        var region = new CachedRegion(route.Region, RegionCache.LeaderStore(route), route.Term);
        return new KvRegionInfo
        {
            Id = region.Id,
            StartKey = region.Start,
            EndKey = region.End,
            ConfVersion = region.ConfVersion,
            Version = region.Version,
            LeaderStoreId = region.LeaderStoreId,
            Term = region.Term,
            StoreIds = region.StoreIds,
        };
    }
}
