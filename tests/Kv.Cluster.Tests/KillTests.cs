using System.Globalization;
using Kv.Base;
using Kv.Client;

namespace Kv.Cluster.Tests;

public sealed class KillTests(ITestOutputHelper output)
{
    /// <summary>Number of kills; <c>eng/soak.sh kills</c> asks for more.</summary>
    private static int Kills =>
        int.TryParse(Environment.GetEnvironmentVariable("KV_TEST_KILLS"), CultureInfo.InvariantCulture, out int kills)
            ? kills
            : 15;

    private static ulong Seed =>
        ulong.TryParse(Environment.GetEnvironmentVariable("KV_TEST_SEED"), CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : (ulong)Environment.TickCount64;

    [Fact]
    public async Task RandomStores_KilledUnderLoad_NothingAcknowledgedIsLostAndNothingStaleIsRead()
    {
        ulong seed = Seed;
        output.WriteLine($"seed {seed} (KV_TEST_SEED), {Kills} kills (KV_TEST_KILLS)");
        var random = new DeterministicRandom(seed);
        await using TestCluster cluster = await TestCluster.StartAsync();
        await using KvClient client = await cluster.ConnectAsync();
        var load = new VersionedLoad(client, keyCount: 24);
        using var stop = new CancellationTokenSource();
        Task running = load.RunAsync(stop.Token);
        for (int i = 0; i < Kills; i++)
        {
            int victim = random.Next(cluster.Stores.Count);
            await Task.Delay(500 + random.Next(1_000), TestContext.Current.CancellationToken);
            await cluster.KillAsync(victim);
            await Task.Delay(random.Next(2_000), TestContext.Current.CancellationToken);
            cluster.Start(victim);
            Assert.True(load.Problems.Count == 0, $"seed {seed}: {string.Join("; ", load.Problems.Take(5))}");
        }

        await Task.Delay(2_000, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await running;
        await cluster.WaitReadyAsync();
        await load.VerifyAsync();
        output.WriteLine(
            $"{load.Acknowledged} writes acknowledged, {load.Reads} reads, {load.Undetermined} undetermined, "
            + $"{load.Failed} failed, "
            + $"longest time without an acknowledged write {load.LongestGapMs} ms");

        Assert.True(load.Problems.Count == 0, $"seed {seed}: {string.Join("; ", load.Problems.Take(5))}");
        Assert.True(
            load.Acknowledged > Kills * 100,
            $"only {load.Acknowledged} writes were acknowledged: the run shows little");
        Assert.Equal(0, load.Failed);
    }

    /// <summary>
    /// Row C1: a leader is stopped past its lease, another one takes over and takes writes, and the old leader is asked
    /// first when it wakes. Under the Lease and Read laws it must not answer from what it held.
    /// </summary>
    [Fact]
    public async Task PausedLeader_ReadFirstAfterResume_NeverReturnsAnOlderVersion()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(regions: 1);
        await using KvClient client = await cluster.ConnectAsync();
        for (int round = 0; round < 3; round++)
        {
            byte[] key = [0x40, (byte)round];
            await client.PutAsync(key, "old"u8.ToArray(), TestContext.Current.CancellationToken);
            int leader = await FindLeaderAsync(cluster, client, key);

            // A second client whose only route is the old leader: it asks there first.
            await using KvClient late = await cluster.ConnectAsync();
            Assert.Equal("old"u8.ToArray(), await late.GetAsync(key, null, TestContext.Current.CancellationToken));
            cluster.Pause(leader);
            await client.PutAsync(key, "new"u8.ToArray(), TestContext.Current.CancellationToken);
            Task<byte[]?>[] reads = [.. Enumerable.Range(0, 64).Select(_ =>
                late.GetAsync(key, null, TestContext.Current.CancellationToken).AsTask())];
            cluster.Resume(leader);

            foreach (byte[]? value in await Task.WhenAll(reads))
            {
                Assert.Equal("new"u8.ToArray(), value);
            }

            await cluster.WaitReadyAsync();
        }
    }

    [Fact]
    public async Task LeaderKilled_WritesResumeWithinThreeSeconds()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        await using KvClient client = await cluster.ConnectAsync();
        var load = new VersionedLoad(client, keyCount: 24);
        using var stop = new CancellationTokenSource();
        Task running = load.RunAsync(stop.Token);
        await Task.Delay(2_000, TestContext.Current.CancellationToken);
        await cluster.KillAsync(0);
        var resumed = new List<long>();
        foreach (byte[] prefix in load.Keys)
        {
            long began = Environment.TickCount64;
            byte[] key = [.. prefix, 1];
            await client.PutAsync(key, "x"u8.ToArray(), TestContext.Current.CancellationToken);
            resumed.Add(Environment.TickCount64 - began);
        }

        await stop.CancelAsync();
        await running;
        output.WriteLine($"after the kill the slowest write took {resumed.Max()} ms");

        Assert.Empty(load.Problems);
        Assert.True(resumed.Max() < 3_000, $"a write took {resumed.Max()} ms after the kill");
    }

    private static async Task<int> FindLeaderAsync(TestCluster cluster, KvClient client, byte[] key)
    {
        IReadOnlyList<KvStoreInfo> stores = await client.StoresAsync(TestContext.Current.CancellationToken);
        foreach (
            KvRegionInfo region in await client.RegionsAsync(cancellationToken: TestContext.Current.CancellationToken))
        {
            if (key.AsSpan().SequenceCompareTo(region.StartKey.Span) >= 0
                && (region.EndKey.IsEmpty || key.AsSpan().SequenceCompareTo(region.EndKey.Span) < 0)
                && stores.FirstOrDefault(store => store.Id == region.LeaderStoreId) is { } leader)
            {
                for (int i = 0; i < cluster.Stores.Count; i++)
                {
                    if (cluster.Stores[i].Addresses.Client == leader.ClientAddress)
                    {
                        return i;
                    }
                }
            }
        }

        throw new InvalidOperationException("the region of the key has no known leader");
    }
}
