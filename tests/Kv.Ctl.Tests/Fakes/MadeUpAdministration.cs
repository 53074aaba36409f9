using Kv.Client;
using Kv.Ctl.Data;
using Kv.Protocol.V1;

namespace Kv.Ctl.Tests.Fakes;

/// <summary>Answers of kv.v1.Admin that a test makes up; what it does not make up fails.</summary>
internal sealed class MadeUpAdministration : IKvAdministration
{
    public Func<InitRequest, InitResponse>? Init { get; set; }

    public Func<ClusterStatusResponse>? Status { get; set; }

    public Func<StoreListResponse>? Stores { get; set; }

    public Func<RegionListRequest, RegionListResponse>? Regions { get; set; }

    public Func<ulong, RegionShowResponse>? Region { get; set; }

    public Func<ulong, ulong, TransferLeaderResponse>? Transfer { get; set; }

    public ValueTask<InitResponse> InitAsync(InitRequest request, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Need(Init)(request));

    public ValueTask<ClusterStatusResponse> ClusterStatusAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult(Need(Status)());

    public ValueTask<StoreListResponse> StoreListAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult(Need(Stores)());

    public ValueTask<RegionListResponse> RegionListAsync(
        RegionListRequest request, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Need(Regions)(request));

    public ValueTask<RegionShowResponse> RegionShowAsync(ulong regionId, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Need(Region)(regionId));

    public ValueTask<TransferLeaderResponse> TransferLeaderAsync(
        ulong regionId, ulong storeId, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Need(Transfer)(regionId, storeId));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static T Need<T>(T? answer)
        where T : class =>
        answer ?? throw new KvUnavailableException("no store could be asked");
}
