using System.Text.Json;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests;

/// <summary>What a store says about itself on its HTTP port.</summary>
internal sealed record StoreStatusPage(
    string State, string? ClusterId, ulong StoreId, int RegionCount, int LedCount, int AwakeCount)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };

    public static async Task<StoreStatusPage> ReadAsync(LocalStoreAddresses addresses)
    {
        string body = await Http.GetStringAsync(
            new Uri($"http://{addresses.Http}/status"), TestContext.Current.CancellationToken);
        JsonElement root = JsonDocument.Parse(body).RootElement;
        bool serves = root.TryGetProperty("regions", out JsonElement regions);
        return new StoreStatusPage(
            root.GetProperty("state").GetString()!,
            root.GetProperty("clusterId").GetString(),
            root.GetProperty("storeId").GetUInt64(),
            serves ? regions.GetProperty("count").GetInt32() : 0,
            serves ? regions.GetProperty("led").GetInt32() : 0,
            serves ? regions.GetProperty("awake").GetInt32() : 0);
    }
}
