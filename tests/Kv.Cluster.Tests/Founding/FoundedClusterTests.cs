using Google.Protobuf;
using Kv.Client;
using Kv.Client.Admin;
using Kv.Ctl.Playground;
using Kv.Protocol.V1;

namespace Kv.Cluster.Tests.Founding;

/// <summary>What a founded cluster of real processes takes in and what it turns away, by name.</summary>
public sealed class FoundedClusterTests(ThreeStores fixture) : IClassFixture<ThreeStores>
{
    private const int DataFolderRefused = 3;
    private const int ClusterRefused = 6;

    private TestCluster Cluster => fixture.Cluster;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Init_WithAnotherWish_IsRefusedByName_AndTheClusterLives()
    {
        await using var admin = new KvAdmin(Cluster.Seeds, TimeSpan.FromSeconds(10));
        string id = (await StoreStatusPage.ReadAsync(Cluster.Stores[0].Addresses)).ClusterId!;
        var otherKeys = new InitRequest { InitialSplitKeys = { ByteString.CopyFromUtf8("other") } };
        otherKeys.Founders.AddRange(Cluster.Stores.Select(store => store.Addresses.Peer));
        var otherFounders = new InitRequest { Founders = { Cluster.Stores[0].Addresses.Peer } };

        KvException keys = await Assert.ThrowsAnyAsync<KvException>(() => admin.InitAsync(otherKeys, Token).AsTask());
        KvException founders = await Assert.ThrowsAnyAsync<KvException>(
            () => admin.InitAsync(otherFounders, Token).AsTask());

        Assert.Contains($"belongs to cluster {id} already", keys.Message, StringComparison.Ordinal);
        Assert.Contains("other founders or split keys", founders.Message, StringComparison.Ordinal);
        await LivesAsync();
    }

    [Fact]
    public async Task Init_NamingAStoreOfAnotherCluster_IsRefusedByName()
    {
        using var folder = new TemporaryFolder();
        LocalStoreAddresses[] fresh = [KvServerRun.FreeAddresses(), KvServerRun.FreeAddresses()];
        await using KvServerRun first =
            KvServerRun.Start(KvServerRun.Arguments(folder["first"], fresh[0], "--wait-init"));
        await using KvServerRun second =
            KvServerRun.Start(KvServerRun.Arguments(folder["second"], fresh[1], "--wait-init"));
        await first.SaysAsync("waiting for init");
        await second.SaysAsync("waiting for init");
        string taken = Cluster.Stores[1].Addresses.Peer;
        string id = (await StoreStatusPage.ReadAsync(Cluster.Stores[1].Addresses)).ClusterId!;

        KvctlResult result = await KvctlProcess.RunAsync(
            [fresh[0].Client], "cluster", "init", "--founders", $"{fresh[0].Peer},{fresh[1].Peer},{taken}");

        result.FailedWith(1, taken, $"belongs to cluster {id}");
        Assert.Null((await StoreStatusPage.ReadAsync(fresh[0])).ClusterId);
        await LivesAsync();
    }

    [Fact]
    public async Task FounderWithAnEmptiedFolder_IsRefusedByName_AndTheClusterLives()
    {
        LocalStoreProcess store = Cluster.Stores[2];
        await Cluster.KillAsync(2);
        string kept = store.DataFolder + ".kept";
        Directory.Move(store.DataFolder, kept);
        await using (KvServerRun wiped = KvServerRun.Start(
            KvServerRun.Arguments(store.DataFolder, store.Addresses, "--wait-init")))
        {
            await LivesAsync();
            await wiped.RefusedAsync(
                ClusterRefused, store.Addresses.Peer, store.DataFolder, "is empty", "bring the folder back", "--join");
        }

        // Its own folder brings it back as itself.
        Directory.Delete(store.DataFolder, recursive: true);
        Directory.Move(kept, store.DataFolder);
        Cluster.Start(2);
        await Cluster.WaitReadyAsync();
        await LivesAsync();
    }

    [Fact]
    public async Task StoreOfAnotherCluster_AtAStoresAddress_IsRefusedByName_AndTheClusterLives()
    {
        using var folder = new TemporaryFolder();
        LocalStoreProcess store = Cluster.Stores[1];
        string id = (await StoreStatusPage.ReadAsync(store.Addresses)).ClusterId!;
        await Cluster.KillAsync(1);
        await using (KvServerRun other = KvServerRun.Start(KvServerRun.Arguments(folder["other"], store.Addresses)))
        {
            await other.SaysAsync(": serving");
            string otherId = (await StoreStatusPage.ReadAsync(store.Addresses)).ClusterId!;
            await other.SaysAsync($"store 1 of cluster {otherId} was called by store");
            Assert.NotEqual(id, otherId);
            Assert.Contains($"of cluster {id}", other.Said, StringComparison.Ordinal);
            await LivesAsync();
        }

        string log = await File.ReadAllTextAsync(Cluster.Stores[0].LogPath, Token);
        Assert.Contains("was called by store", log, StringComparison.Ordinal);
        Cluster.Start(1);
        await Cluster.WaitReadyAsync();
        await LivesAsync();
    }

    [Fact]
    public async Task NewStore_Joins_GetsAnIdOfItsOwn_AndKeepsItOverAKill()
    {
        using var folder = new TemporaryFolder();
        LocalStoreAddresses addresses = KvServerRun.FreeAddresses();
        string[] arguments = KvServerRun.Arguments(
            folder["fourth"], addresses, "--join", string.Join(',', Cluster.Stores.Select(s => s.Addresses.Peer)));
        ulong id;
        await using (KvServerRun fourth = KvServerRun.Start(arguments))
        {
            await fourth.SaysAsync(": serving");
            id = (await StoreStatusPage.ReadAsync(addresses)).StoreId;
            Assert.True(id > 3, $"it got the id {id}");
            string line = $"{id}\t";
            await WaitUntil.TrueAsync(async () =>
            {
                KvctlResult result = await KvctlProcess.RunAsync(Cluster.Seeds, "store", "list", "-o", "plain");
                string list = result.Succeeded().Output;
                string? row = list.Split('\n').FirstOrDefault(row => row.StartsWith(line, StringComparison.Ordinal));
                return row is not null && row.Contains("up", StringComparison.Ordinal)
                    && row.Contains(addresses.Client, StringComparison.Ordinal) ? null : $"store list says\n{list}";
            });
        }

        await using (KvServerRun again = KvServerRun.Start(arguments))
        {
            await again.SaysAsync(": serving");
            Assert.Equal(id, (await StoreStatusPage.ReadAsync(addresses)).StoreId);
        }

        Directory.Delete(folder["fourth"], recursive: true);
        await using KvServerRun wiped = KvServerRun.Start(arguments);
        await wiped.RefusedAsync(ClusterRefused, addresses.Peer);
        await LivesAsync();
    }

    [Fact]
    public async Task FolderInUse_IsRefusedByName()
    {
        LocalStoreProcess store = Cluster.Stores[0];
        await using KvServerRun second =
            KvServerRun.Start(KvServerRun.Arguments(store.DataFolder, KvServerRun.FreeAddresses(), "--wait-init"));

        await second.RefusedAsync(
            DataFolderRefused, store.DataFolder, $"the folder is in use by process {store.ProcessId}");
        await LivesAsync();
    }

    private async Task LivesAsync()
    {
        await using KvClient client = await Cluster.ConnectAsync();
        byte[] value = Guid.NewGuid().ToByteArray();
        foreach (byte first in (byte[])[0x10, 0x50, 0x90, 0xd0])
        {
            await client.PutAsync((byte[])[first, 0], value, Token);
            Assert.Equal(value, await client.GetAsync((byte[])[first, 0], null, Token));
        }
    }
}
