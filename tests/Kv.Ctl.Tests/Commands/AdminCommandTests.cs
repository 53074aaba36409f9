using System.Text.Json;
using Google.Protobuf;
using Kv.Client;
using Kv.Ctl.Tests.Fakes;
using Kv.Protocol.V1;

namespace Kv.Ctl.Tests.Commands;

public sealed class AdminCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvctl-admin-").FullName;
    private readonly CtlRun _ctl = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ClusterInit_SendsFoundersAndSplitKeysOfBothKinds()
    {
        InitRequest? sent = null;
        _ctl.Administration.Init = request =>
        {
            sent = request;
            return new InitResponse { ClusterId = 0xab, Already = true, RegionCount = 5, Stores = { Store(1) } };
        };
        string path = Path.Combine(_folder, "keys");
        await File.WriteAllTextAsync(path, "0xff\n\nz\n", TestContext.Current.CancellationToken);

        CtlResult result = await _ctl.RunAsync(
            "cluster", "init", "--founders", "a:1,b:2,c:3", "--split-key", "b", "--split-key", "text:0x",
                "--split-keys-file", path, "-o", "json");

        Assert.Equal("", result.Error);
        Assert.Equal(["a:1", "b:2", "c:3"], sent!.Founders);
        Assert.Equal(
            ["b"u8.ToArray(), "0x"u8.ToArray(), [0xff], "z"u8.ToArray()],
            sent.InitialSplitKeys.Select(key => key.ToByteArray()));
        JsonElement json = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal("00000000000000ab", json.GetProperty("cluster_id").GetString());
        Assert.True(json.GetProperty("already").GetBoolean());
        Assert.Equal(1, json.GetProperty("stores")[0].GetProperty("id").GetInt32());
    }

    [Fact]
    public async Task ClusterInit_BrokenSplitKeysFile_NamesFileAndLine()
    {
        string path = Path.Combine(_folder, "keys");
        await File.WriteAllTextAsync(path, "a\n0xq\n", TestContext.Current.CancellationToken);

        (await _ctl.RunAsync("cluster", "init", "--founders", "a:1", "--split-keys-file", path)).FailedWith(
            2, path + ":2", "0xq");
        (await _ctl.RunAsync("cluster", "init", "--founders", "a:1", "--split-keys-file", path + "2")).FailedWith(
            1, path + "2");
    }

    [Fact]
    public async Task ClusterStatus_InEveryFormat_ShowsStoresAndRegions()
    {
        _ctl.Administration.Status = () => new ClusterStatusResponse
        {
            ClusterId = 1, PlacementStore = Store(2), PlacementTerm = 7, RegionCount = 12, RegionsWithoutLeader = 1,
                Complete = true,
            AnsweredBy = "127.0.0.1:1001",
            Stores =
            {
                new StoreStatus { Store = Store(1), State = StoreState.Up, LeaderCount = 4, PeerCount = 12,
                    DataBytes = 5_000_000 },
                new StoreStatus { Store = Store(2), State = StoreState.Silent, LastHeartbeatMsAgo = 12_345 },
            },
        };

        string table = (await _ctl.RunAsync("cluster", "status", "-o", "table")).Output;
        Assert.Contains("regions without leader  1", table, StringComparison.Ordinal);
        Assert.Contains("4.8 MiB", table, StringComparison.Ordinal);
        Assert.Contains("silent", table, StringComparison.Ordinal);
        string[] plain = (await _ctl.RunAsync("cluster", "status")).Output.Split('\n');
        Assert.Contains("region_count\t12", plain);
        Assert.Contains("1\tup\t127.0.0.1:1001\t127.0.0.1:2001\t127.0.0.1:3001\t4\t12\t5000000\t0\t0\t0", plain);
        JsonElement json = JsonDocument.Parse(
            (await _ctl.RunAsync("cluster", "status", "-o", "json")).Output).RootElement;
        Assert.Equal(2, json.GetProperty("placement_store_id").GetInt32());
        Assert.Equal(12_345, json.GetProperty("stores")[1].GetProperty("last_heartbeat_ms_ago").GetInt32());
    }

    [Fact]
    public async Task StoreList_AsJson_IsAnArray()
    {
        _ctl.Administration.Stores = () => new StoreListResponse { Stores = { new StoreStatus { Store = Store(3) } } };

        JsonElement json = JsonDocument.Parse((await _ctl.RunAsync("store", "list", "-o", "json")).Output).RootElement;

        Assert.Equal(3, json[0].GetProperty("id").GetInt32());
    }

    [Fact]
    public async Task RegionList_OverPages_ListsAllOrTheLimit()
    {
        _ctl.Administration.Regions = request =>
        {
            int first = request.StartKey.IsEmpty ? 0 : request.StartKey[0];
            var page = new RegionListResponse
            {
                More = first + 2 < 7, NextKey = ByteString.CopyFrom((byte)(first + 2)),
            };
            for (int i = first; i < Math.Min(first + Math.Min(2, (int)request.Limit), 7); i++)
            {
                page.Regions.Add(Region((ulong)i + 2, i == 0 ? [] : [(byte)i], i == 6 ? [] : [(byte)(i + 1)]));
            }

            return page;
        };

        string[] all = (await _ctl.RunAsync("region", "list")).Output.Split(
            '\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["2", "3", "4", "5", "6", "7", "8"], all.Select(line => line.Split('\t')[0]));
        Assert.StartsWith("2\ttext:\t0x01\t1\t1,2,3\t1.2\t", all[0], StringComparison.Ordinal);
        Assert.StartsWith("8\t0x06\ttext:\t", all[6], StringComparison.Ordinal);
        string three = (await _ctl.RunAsync("region", "list", "-n", "3")).Output;
        Assert.Equal(3, three.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task RegionList_PageThatDoesNotGoOn_EndsWithAnError()
    {
        _ctl.Administration.Regions = _ => new RegionListResponse { More = true };

        (await _ctl.RunAsync("region", "list")).FailedWith(1, "does not go on");
    }

    [Fact]
    public async Task RegionShow_ShowsItsPeers()
    {
        _ctl.Administration.Region = id => new RegionShowResponse
        {
            Status = Region(id, [], []),
            Peers = { new PeerStatus { Peer = new Peer { Id = 9, StoreId = 1 }, State = "leader", Match = 5, Next = 6,
                Active = true } },
        };

        CtlResult result = await _ctl.RunAsync("region", "show", "2", "-o", "table");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("leader on store", result.Output, StringComparison.Ordinal);
        Assert.Contains("voter", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TransferLeader_SendsBothIds()
    {
        _ctl.Administration.Transfer = (region, store) =>
            new TransferLeaderResponse { LeaderStoreId = store, Term = region };

        Assert.Equal(
            "region_id\t2\nleader_store_id\t3\nterm\t2\n",
            (await _ctl.RunAsync("region", "transfer-leader", "2", "3")).Output);
    }

    [Fact]
    public async Task Failures_OfTheCluster_AreOneLine()
    {
        _ctl.Administration.Transfer = (_, store) =>
            throw new KvException($"there is no store {store}; 'kvctl store list' lists them");
        (await _ctl.RunAsync("region", "transfer-leader", "2", "99")).FailedWith(1, "no store 99");
        (await _ctl.RunAsync("cluster", "status")).FailedWith(1, "no store could be asked", "--seeds");
    }

    private static StoreInfo Store(ulong id) => new()
    {
        Id = id, ClientAddress = $"127.0.0.1:{1000 + id}", PeerAddress = $"127.0.0.1:{2000 + id}",
            HttpAddress = $"127.0.0.1:{3000 + id}",
    };

    private static RegionStatus Region(ulong id, byte[] start, byte[] end) => new()
    {
        LeaderStoreId = 1, Keys = 10, Bytes = 2048,
        Region = new Region
        {
            Id = id, StartKey = ByteString.CopyFrom(start), EndKey = ByteString.CopyFrom(end),
            Epoch = new RegionEpoch { ConfVersion = 1, Version = 2 },
            Peers = { new Peer { Id = 1, StoreId = 2 }, new Peer { Id = 2, StoreId = 3 },
                new Peer { Id = 3, StoreId = 1 } },
        },
    };
}
