using System.Globalization;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Ctl.Output;

/// <summary>Turns the answers of kv.v1.Admin into reports; names in JSON are the protocol's.</summary>
internal static class AdminReports
{
    public static Report Founded(InitResponse answer)
    {
        Report report = new Report()
            .Fact("cluster", "cluster_id", ClusterId(answer.ClusterId))
            .Fact("founded before", "already", Cell.Of(answer.Already))
            .Fact("regions", "region_count", Cell.Of(answer.RegionCount));
        var list = new ReportList(
            "stores",
            [new("store", "id", IsNumber: true), new("client", "client_address"), new("peer", "peer_address"),
                new("http", "http_address")]);
        foreach (StoreInfo store in answer.Stores)
        {
            list.Rows.Add(
                [Cell.Id(store.Id), Address(store.ClientAddress), Address(store.PeerAddress),
                    Address(store.HttpAddress)]);
        }

        return report.List(list);
    }

    public static Report Status(ClusterStatusResponse answer) =>
        new Report()
            .Fact("cluster", "cluster_id", ClusterId(answer.ClusterId))
            .Fact("placement on store", "placement_store_id", Cell.IdOrNone(answer.PlacementStore?.Id ?? 0))
            .Fact("placement term", "placement_term", Cell.Id(answer.PlacementTerm))
            .Fact("all stores reported", "complete", Cell.Of(answer.Complete))
            .Fact("regions", "region_count", Cell.Of(answer.RegionCount))
            .Fact("regions without leader", "regions_without_leader", Cell.Of(answer.RegionsWithoutLeader))
            .Fact("answered by", "answered_by", Address(answer.AnsweredBy))
            .List(StoreRows(answer.Stores));

    public static Report Stores(StoreListResponse answer) => new Report().List(StoreRows(answer.Stores));

    public static Report Regions(IEnumerable<RegionStatus> regions)
    {
        var list = new ReportList(
            "regions",
            [
                new("region", "id", IsNumber: true), new("start", "start_key"), new("end", "end_key"),
                new("leader on", "leader_store_id", IsNumber: true), new("peers on", "store_ids"),
                    new("epoch", "epoch"),
                new("keys", "keys", IsNumber: true), new("size", "bytes", IsNumber: true), new("state", "state"),
            ]);
        foreach (RegionStatus status in regions)
        {
            list.Rows.Add(
                [
                    Cell.Id(status.Region.Id), Bound(status, status.Region.StartKey.Memory),
                        Bound(status, status.Region.EndKey.Memory),
                    Cell.IdOrNone(status.LeaderStoreId), StoreIds(status.Region), Epoch(status.Region),
                    KeyEstimate(status), Cell.Bytes(status.Bytes), Cell.Of(StateOf(status)),
                ]);
        }

        return new Report().List(list);
    }

    public static Report Region(RegionShowResponse answer)
    {
        RegionStatus status = answer.Status;
        Report report = new Report()
            .Fact("region", "id", Cell.Id(status.Region.Id))
            .Fact("start", "start_key", Bound(status, status.Region.StartKey.Memory))
            .Fact("end", "end_key", Bound(status, status.Region.EndKey.Memory))
            .Fact("epoch", "epoch", Epoch(status.Region))
            .Fact("state", "state", Cell.Of(StateOf(status)))
            .Fact("leader on store", "leader_store_id", Cell.IdOrNone(status.LeaderStoreId))
            .Fact("term", "term", Cell.Id(status.Term))
            .Fact("committed", "committed", Cell.Id(status.Committed))
            .Fact("applied", "applied", Cell.Id(status.Applied))
            .Fact("log first", "log_first", Cell.Id(answer.LogFirst))
            .Fact("log last", "log_last", Cell.Id(answer.LogLast))
            .Fact("lease left", "lease_ms_left", Cell.Ms(answer.LeaseMsLeft))
            .Fact("keys", "keys", Cell.Of(status.Keys))
            .Fact("size", "bytes", Cell.Bytes(status.Bytes));
        var list = new ReportList(
            "peers",
            [
                new("peer", "id", IsNumber: true), new("store", "store_id", IsNumber: true), new("role", "role"),
                    new("state", "state"),
                new("match", "match", IsNumber: true), new("next", "next", IsNumber: true), new("active", "active"),
            ]);
        foreach (PeerStatus peer in answer.Peers)
        {
            list.Rows.Add(
                [
                    Cell.Id(peer.Peer.Id), Cell.Id(peer.Peer.StoreId), Cell.Of(RoleName(peer.Peer.Role)),
                        Cell.Of(peer.State),
                    Cell.Id(peer.Match), Cell.Id(peer.Next), Cell.Of(peer.Active),
                ]);
        }

        return report.List(list);
    }

    public static Report Transferred(ulong regionId, TransferLeaderResponse answer) =>
        new Report()
            .Fact("region", "region_id", Cell.Id(regionId))
            .Fact("leader on store", "leader_store_id", Cell.Id(answer.LeaderStoreId))
            .Fact("term", "term", Cell.Id(answer.Term));

    private static ReportList StoreRows(IEnumerable<StoreStatus> stores)
    {
        var list = new ReportList(
            "stores",
            [
                new("store", "id", IsNumber: true), new("state", "state"), new("client", "client_address"),
                new("peer", "peer_address"), new("http", "http_address"), new("leads", "leader_count", IsNumber: true),
                new("peers", "peer_count", IsNumber: true), new("data", "data_bytes", IsNumber: true),
                new("log", "log_bytes", IsNumber: true), new("free", "free_bytes", IsNumber: true),
                new("heard", "last_heartbeat_ms_ago", IsNumber: true),
            ]);
        foreach (StoreStatus status in stores)
        {
            StoreInfo store = status.Store;
            list.Rows.Add(
                [
                    Cell.Id(store.Id), Cell.Of(StateName(status.State)), Address(store.ClientAddress),
                        Address(store.PeerAddress),
                    Address(store.HttpAddress), Cell.Of(status.LeaderCount), Cell.Of(status.PeerCount),
                        Cell.Bytes(status.DataBytes),
                    Cell.Bytes(status.LogBytes), Cell.Bytes(status.FreeBytes), Cell.Ms(status.LastHeartbeatMsAgo),
                ]);
        }

        return list;
    }

    private static Cell ClusterId(ulong id)
    {
        string text = new ClusterId(id).ToString();
        return id == 0 ? Cell.None : Cell.Of(text);
    }

    // The system region's range is not made of the caller's keys.
    private static Cell Bound(RegionStatus status, ReadOnlyMemory<byte> key) =>
        status.System ? Cell.None : Cell.Key(key);

    // Keys are counted only where a region is shown: none in a region with data means that nobody has estimated them.
    private static Cell KeyEstimate(RegionStatus status) =>
        status is { Keys: 0, Bytes: > 0 } ? Cell.None : Cell.Of(status.Keys);

    private static Cell Address(string address) => address.Length == 0 ? Cell.None : Cell.Of(address);

    private static Cell Epoch(Region region) => Cell.Of(
        string.Create(CultureInfo.InvariantCulture, $"{region.Epoch?.ConfVersion ?? 0}.{region.Epoch?.Version ?? 0}"));

    private static Cell StoreIds(Region region)
    {
        ulong[] ids = region.Peers.Select(peer => peer.StoreId).Order().ToArray();
        string text = string.Join(',', ids);
        return new Cell(text, text, json =>
        {
            json.WriteStartArray();
            foreach (ulong id in ids)
            {
                json.WriteNumberValue(id);
            }

            json.WriteEndArray();
        });
    }

    private static string StateOf(RegionStatus status) => status switch
    {
        { LeaderStoreId: 0 } => "no leader",
        { System: true } => "system",
        { Asleep: true } => "asleep",
        _ => "awake",
    };

    private static string StateName(StoreState state) => state switch
    {
        StoreState.Up => "up",
        StoreState.Silent => "silent",
        _ => "unknown",
    };

    private static string RoleName(PeerRole role) => role switch
    {
        PeerRole.Voter => "voter",
        PeerRole.Learner => "learner",
        PeerRole.IncomingVoter => "incoming voter",
        PeerRole.DemotingVoter => "demoting voter",
        _ => "unknown",
    };
}
