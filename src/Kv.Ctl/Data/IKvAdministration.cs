using Kv.Protocol.V1;

namespace Kv.Ctl.Data;

/// <summary>
/// The calls of kv.v1.Admin that kvctl's commands use: on a cluster through <see cref="Client.Admin.KvAdmin"/>, in
/// tests answers made up. Failures are the exceptions of Kv.Client.
/// </summary>
internal interface IKvAdministration : IAsyncDisposable
{
    ValueTask<InitResponse> InitAsync(InitRequest request, CancellationToken cancellationToken);

    ValueTask<ClusterStatusResponse> ClusterStatusAsync(CancellationToken cancellationToken);

    ValueTask<StoreListResponse> StoreListAsync(CancellationToken cancellationToken);

    ValueTask<RegionListResponse> RegionListAsync(RegionListRequest request, CancellationToken cancellationToken);

    ValueTask<RegionShowResponse> RegionShowAsync(ulong regionId, CancellationToken cancellationToken);

    ValueTask<TransferLeaderResponse> TransferLeaderAsync(
        ulong regionId, ulong storeId, CancellationToken cancellationToken);
}
