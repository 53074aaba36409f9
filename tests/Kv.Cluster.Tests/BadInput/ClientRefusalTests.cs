using Kv.Client;
using Kv.Client.Admin;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Cluster.Tests.BadInput;

/// <summary>
/// Bad input through the client, checked by the client and, with a client that checks nothing, by the store: one line
/// that names the thing, and the cluster lives.
/// </summary>
public sealed class ClientRefusalTests(ThreeStores fixture) : IClassFixture<ThreeStores>
{
    private const int KeyBytes = 9 * 1024;

    private static readonly int ValueBytes = Limits.Default.ValueBytesMax + 1;

    private TestCluster Cluster => fixture.Cluster;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WrongKeysAndValues_AreRefusedByName_AndTheClusterLives(bool clientChecks)
    {
        await using KvClient client = await ConnectAsync(clientChecks);
        byte[] key = "bad-input"u8.ToArray();
        byte[] longKey = new byte[KeyBytes];

        await RefusedAsync(() => client.PutAsync(longKey, key, Token).AsTask(), "key", "9216", "8192");
        await RefusedAsync(() => client.GetAsync(longKey, null, Token).AsTask(), "key", "9216", "8192");
        await RefusedAsync(() => client.DeleteAsync(longKey, Token).AsTask(), "key", "9216", "8192");
        await RefusedAsync(() => client.PutAsync(key, new byte[ValueBytes], Token).AsTask(), "value", $"{ValueBytes}");
        await RefusedAsync(() => client.PutAsync(Array.Empty<byte>(), key, Token).AsTask(), "key", "empty");
        await RefusedAsync(() => client.GetAsync(Array.Empty<byte>(), null, Token).AsTask(), "key", "empty");
        await RefusedAsync(() => client.DeleteAsync(Array.Empty<byte>(), Token).AsTask(), "key", "empty");
        await RefusedAsync(() => client.PutIfAbsentAsync(longKey, key, Token).AsTask(), "key", "9216", "8192");
        await RefusedAsync(() => client.ExistsAsync(Array.Empty<byte>(), null, Token).AsTask(), "key", "empty");
        await RefusedAsync(() => client.MultiGetAsync([key, default], null, Token).AsTask(), "key", "empty");
        await RefusedAsync(
            () => client.CompareAndPutAsync(key, KvExpectation.Value(new byte[ValueBytes]), key, Token).AsTask(),
            "expected",
            $"{ValueBytes}");
        await RefusedAsync(() => client.CompareAndPutAsync(key, default, key, Token).AsTask(), "expect");
        await RefusedAsync(() => client.CompareAndDeleteAsync(key, KvExpectation.Absent, Token).AsTask(), "absent");
        await RefusedAsync(() => client.NextSequenceAsync(key, -1, Token).AsTask(), "-1");
        await RefusedAsync(() => client.ResetSequenceAsync(key, -1, Token).AsTask(), "-1");
        await RefusedAsync(() => client.DeleteRangeAsync("z", "a", Token).AsTask(), "end");

        await LivesAsync();
    }

    [Fact]
    public async Task ScanWithStartAfterEnd_IsRefusedByName_AndTheClusterLives()
    {
        await using KvClient client = await ConnectAsync(clientChecks: true);

        await RefusedAsync(
            async () =>
            {
                await foreach (KeyValueEntry _ in client.ScanAsync(
                    new ScanOptions { Start = "zebra"u8.ToArray(), End = "ape"u8.ToArray() }, Token))
                {
                    Assert.Fail("there is nothing between them");
                }
            },
            "zebra",
            "ape",
            "start");

        await LivesAsync();
    }

    [Fact]
    public async Task UnknownStoreAndRegion_AreRefusedByName_AndTheClusterLives()
    {
        await using var admin = new KvAdmin(Cluster.Seeds, TimeSpan.FromSeconds(10));
        RegionStatus region = (await admin.RegionsAsync(Token)).First(region => !region.System);

        await RefusedAsync(
            () => admin.TransferLeaderAsync(region.Region.Id, 99, Token).AsTask(), "store 99", $"{region.Region.Id}");
        await RefusedAsync(() => admin.TransferLeaderAsync(987_654, 1, Token).AsTask(), "region 987654");
        await RefusedAsync(() => admin.RegionShowAsync(987_654, Token).AsTask(), "region 987654");
        KvctlResult result = await KvctlProcess.RunAsync(Cluster.Seeds, "region", "transfer-leader", "987654", "1");
        result.FailedWith(1, "region 987654");

        await LivesAsync();
    }

    [Fact]
    public async Task NoStoreAtTheSeed_IsRefusedByName()
    {
        string nobody = KvServerRun.FreeAddresses().Client;

        await RefusedAsync(
            async () =>
            {
                await using KvClient client = await KvClient.ConnectAsync(
                    new KvClientOptions { Seeds = [nobody], OperationTimeout = TimeSpan.FromSeconds(2) }, Token);
                await client.GetAsync("key"u8.ToArray(), null, Token);
            },
            nobody);
    }

    private static async Task RefusedAsync(Func<Task> act, params string[] parts)
    {
        KvException refusal = await Assert.ThrowsAnyAsync<KvException>(act);
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.All(parts, part => Assert.Contains(part, refusal.Message, StringComparison.OrdinalIgnoreCase));
    }

    private Task<KvClient> ConnectAsync(bool clientChecks) => KvClient.ConnectAsync(
        new KvClientOptions
        {
            Seeds = Cluster.Seeds,
            Limits = clientChecks
                ? Limits.Default
                : Limits.Default with { KeyBytesMax = 64 * 1024, ValueBytesMax = 2 * ValueBytes },
        },
        Token);

    private async Task LivesAsync()
    {
        await using KvClient client = await Cluster.ConnectAsync();
        byte[] value = Guid.NewGuid().ToByteArray();
        await client.PutAsync("alive"u8.ToArray(), value, Token);
        Assert.Equal(value, await client.GetAsync("alive"u8.ToArray(), null, Token));
    }
}
