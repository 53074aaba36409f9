using System.Net;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Server;

namespace Kv.Client.Tests.Admin;

/// <summary>The kv.v1.Admin service of a made-up store on a free loopback port.</summary>
internal sealed class AdminStore : IAsyncDisposable
{
    private readonly GrpcServer _listener;

    private AdminStore(GrpcServer listener) => _listener = listener;

    public string Address => _listener.Ports[0].BoundEndPoint.ToString();

    /// <summary>Starts it; each call is answered by <paramref name="answer"/>, given the request.</summary>
    public static async Task<AdminStore> StartAsync(Func<object, GrpcCallContext, ValueTask<object>> answer)
    {
        GrpcPort port = new()
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Services =
            [
                new GrpcService(AdminReflection.Descriptor.Services[0])
                    .Unary<InitRequest, InitResponse>("Init", async (r, c) => (InitResponse)await answer(r, c))
                    .Unary<ClusterStatusRequest, ClusterStatusResponse>(
                        "ClusterStatus", async (r, c) => (ClusterStatusResponse)await answer(r, c))
                    .Unary<StoreListRequest, StoreListResponse>(
                        "StoreList", async (r, c) => (StoreListResponse)await answer(r, c))
                    .Unary<RegionListRequest, RegionListResponse>(
                        "RegionList", async (r, c) => (RegionListResponse)await answer(r, c))
                    .Unary<RegionShowRequest, RegionShowResponse>(
                        "RegionShow", async (r, c) => (RegionShowResponse)await answer(r, c))
                    .Unary<TransferLeaderRequest, TransferLeaderResponse>(
                        "TransferLeader", async (r, c) => (TransferLeaderResponse)await answer(r, c))
                    .Build(),
            ],
        };
        return new AdminStore(await GrpcServer.StartAsync(
            [port], cancellationToken: TestContext.Current.CancellationToken));
    }

    /// <summary>A store that answers a status naming itself.</summary>
    public static async Task<AdminStore> AnsweringAsync()
    {
        AdminStore? store = null;
        store = await StartAsync((_, _) =>
            new ValueTask<object>(new ClusterStatusResponse { AnsweredBy = store!.Address }));
        return store;
    }

    /// <summary>A store that names another one to ask.</summary>
    public static Task<AdminStore> RedirectingAsync(Func<string> to) => StartAsync((_, _) => throw new RpcException(
        StatusCode.FailedPrecondition,
        $"placement runs on another store: ask {to()}",
        new Metadata().Add("kv-leader-address", to())));

    /// <summary>A store that takes calls and never answers.</summary>
    public static Task<AdminStore> SilentAsync() => StartAsync(async (_, context) =>
    {
        await Task.Delay(Timeout.Infinite, context.CancellationToken);
        return new ClusterStatusResponse();
    });

    public static Task<AdminStore> FailingAsync(StatusCode code, string detail) =>
        StartAsync((_, _) => throw new RpcException(code, detail));

    public ValueTask DisposeAsync() => _listener.DisposeAsync();
}
