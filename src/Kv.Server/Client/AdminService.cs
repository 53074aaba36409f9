// Owns kv.v1.Admin on the client port of any store. What only placement knows is answered where placement runs;
// elsewhere the refusal names that store, in the message and in the trailer kv-leader-address.
using Kv.Base;
using Kv.Placement;
using Kv.Placement.Founding;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Server;
using Kv.Server.Hosting;
using Kv.Server.Options;
using Kv.Server.Peer;

namespace Kv.Server.Client;

internal sealed class AdminService(ServerOptions options, FoundingPump founding, Func<ServingStore?> serving)
{
    private const string LeaderTrailer = "kv-leader-address";
    private const int RegionsPerPageMax = 1_000;

    public GrpcServiceBinding Bind() => new GrpcService(AdminReflection.Descriptor.Services[0])
        .Unary<InitRequest, InitResponse>("Init", InitAsync)
        .Unary<ClusterStatusRequest, ClusterStatusResponse>("ClusterStatus", ClusterStatusAsync)
        .Unary<StoreListRequest, StoreListResponse>("StoreList", StoreListAsync)
        .Unary<RegionListRequest, RegionListResponse>("RegionList", RegionListAsync)
        .Unary<RegionShowRequest, RegionShowResponse>("RegionShow", RegionShowAsync)
        .Unary<TransferLeaderRequest, TransferLeaderResponse>("TransferLeader", TransferLeaderAsync)
        .Build();

    private ValueTask<InitResponse> InitAsync(InitRequest request, GrpcCallContext context)
    {
        if (request.InitialSplitKeys.Count == 0)
        {
            request.InitialSplitKeys.AddRange(
                options.InitialSplitKeys.Select(static key => Google.Protobuf.ByteString.CopyFrom(key)));
        }

        return FoundingService.CallAsync<InitResponse>(done => founding.Init(request, done), context);
    }

    private async ValueTask<ClusterStatusResponse> ClusterStatusAsync(ClusterStatusRequest request,
        GrpcCallContext context)
    {
        PlacementSnapshot snapshot = await SnapshotAsync(context);
        var response = new ClusterStatusResponse
        {
            ClusterId = snapshot.Cluster.Value,
            PlacementStore = Serving().Identity.Self,
            PlacementTerm = snapshot.Term,
            RegionCount = (uint)snapshot.Regions.Count,
            RegionsWithoutLeader = (uint)snapshot.Regions.Count(static region => region.LeaderPeerId == 0),
            Complete = snapshot.Complete,
            AnsweredBy = options.ClientAddress,
        };
        response.Stores.AddRange(snapshot.Stores);
        return response;
    }

    private async ValueTask<StoreListResponse> StoreListAsync(StoreListRequest request, GrpcCallContext context)
    {
        var response = new StoreListResponse();
        response.Stores.AddRange((await SnapshotAsync(context)).Stores);
        return response;
    }

    private async ValueTask<RegionListResponse> RegionListAsync(RegionListRequest request, GrpcCallContext context)
    {
        PlacementSnapshot snapshot = await SnapshotAsync(context);
        int limit = request.Limit is 0 or > RegionsPerPageMax ? RegionsPerPageMax : (int)request.Limit;
        var response = new RegionListResponse();
        foreach (RegionStatus region in snapshot.Regions)
        {
            // The system region stands before all keys: it is on the first page only.
            bool wanted = region.System
                ? request.StartKey.IsEmpty
                : region.Region.EndKey.IsEmpty
                    || region.Region.EndKey.Span.SequenceCompareTo(request.StartKey.Span) > 0;
            if (!wanted)
            {
                continue;
            }

            if (response.Regions.Count == limit)
            {
                response.More = true;
                response.NextKey = region.Region.StartKey;
                break;
            }

            response.Regions.Add(region);
        }

        return response;
    }

    private async ValueTask<RegionShowResponse> RegionShowAsync(RegionShowRequest request, GrpcCallContext context)
    {
        ServingStore store = Serving();
        var id = new RegionId(request.RegionId);
        var source = new TaskCompletionSource<RegionShowResponse?>(TaskCreationOptions.RunContinuationsAsynchronously);
        store.Store.DescribeRegion(id, source.SetResult);
        RegionShowResponse? shown = await source.Task.WaitAsync(context.CancellationToken);
        if (shown is null)
        {
            throw new RpcException(
                StatusCode.NotFound,
                    $"store {store.Identity.Self.Id} has no peer of region {id}; kvctl region list names the regions");
        }

        ulong leader = shown.Status.LeaderStoreId;
        if (leader != store.Identity.Self.Id)
        {
            throw Elsewhere(
                store.Store.FindStore(new StoreId(leader)),
                $"region {id} is led by store {leader}",
                $"region {id} has no known leader now, ask again");
        }

        // The count walks the region: on a thread of its own, because the pool's few receive and send for all.
        (ulong Keys, ulong Bytes)? counted = await Task.Factory.StartNew(
            () => store.Store.CountRegion(id),
            context.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        if (counted is { } exact)
        {
            shown.Status.Keys = exact.Keys;
            shown.Status.Bytes = exact.Bytes;
        }

        return shown;
    }

    private async ValueTask<TransferLeaderResponse> TransferLeaderAsync(
        TransferLeaderRequest request, GrpcCallContext context)
    {
        // Asked first, because the driver of a store that does not run placement cannot tell who does.
        await SnapshotAsync(context);
        var source = new TaskCompletionSource<TransferResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        Serving().Placement.TransferLeader(
            new RegionId(request.RegionId), new StoreId(request.StoreId), result => source.TrySetResult(result));
        TransferResult moved = await source.Task.WaitAsync(context.CancellationToken);
        return moved.Refusal is null
            ? new TransferLeaderResponse { LeaderStoreId = moved.LeaderStore.Value, Term = moved.Term }
            : throw new RpcException(StatusCode.FailedPrecondition, moved.Refusal);
    }

    private ServingStore Serving() => serving() ?? throw new RpcException(
        StatusCode.FailedPrecondition, "this store belongs to no cluster yet: found one with kvctl cluster init");

    private async ValueTask<PlacementSnapshot> SnapshotAsync(GrpcCallContext context)
    {
        ServingStore store = Serving();
        var source = new TaskCompletionSource<PlacementSnapshot?>(TaskCreationOptions.RunContinuationsAsynchronously);
        store.Placement.Query(source.SetResult);
        return await source.Task.WaitAsync(context.CancellationToken)
            ?? throw Elsewhere(
                store.Store.FindSystemLeader(),
                "placement runs on another store",
                "it is not known now which store runs placement, ask again");
    }

    private RpcException Elsewhere(StoreInfo? leader, string message, string messageUnknown)
    {
        if (leader is null || leader.Id == Serving().Identity.Self.Id)
        {
            return new RpcException(StatusCode.Unavailable, messageUnknown);
        }

        return new RpcException(
            StatusCode.FailedPrecondition,
            $"{message}: ask {leader.ClientAddress}",
            new Metadata().Add(LeaderTrailer, leader.ClientAddress));
    }
}
