using Kv.Client.Admin;
using Kv.Protocol.V1;

namespace Kv.Ctl.Data;

/// <summary>Administration of a real cluster.</summary>
internal sealed class ClientAdministration(ConnectionSettings settings) : IKvAdministration
{
    private readonly KvAdmin _admin = new(settings.Seeds, settings.Timeout);

    public ValueTask<InitResponse> InitAsync(InitRequest request, CancellationToken cancellationToken) =>
        _admin.InitAsync(request, cancellationToken);

    public ValueTask<ClusterStatusResponse> ClusterStatusAsync(CancellationToken cancellationToken) =>
        _admin.ClusterStatusAsync(cancellationToken);

    public ValueTask<StoreListResponse> StoreListAsync(CancellationToken cancellationToken) =>
        _admin.StoreListAsync(cancellationToken);

    public ValueTask<RegionListResponse> RegionListAsync(
        RegionListRequest request, CancellationToken cancellationToken) =>
        _admin.RegionListAsync(request, cancellationToken);

    public ValueTask<RegionShowResponse> RegionShowAsync(ulong regionId, CancellationToken cancellationToken) =>
        _admin.RegionShowAsync(regionId, cancellationToken);

    public ValueTask<TransferLeaderResponse> TransferLeaderAsync(
        ulong regionId, ulong storeId, CancellationToken cancellationToken) =>
        _admin.TransferLeaderAsync(regionId, storeId, cancellationToken);

    public ValueTask DisposeAsync() => _admin.DisposeAsync();
}
