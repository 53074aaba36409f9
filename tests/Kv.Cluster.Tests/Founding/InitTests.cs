using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Kv.Base;
using Kv.Client;
using Kv.Client.Admin;
using Kv.Ctl.Playground;
using Kv.Protocol.V1;

namespace Kv.Cluster.Tests.Founding;

/// <summary>
/// System region law on real processes: whatever happens while a cluster is founded, exactly one comes out.
/// </summary>
public sealed partial class InitTests(ITestOutputHelper output)
{
    private const int RegionCount = 8;

    /// <summary>What founders log on their way, in order.</summary>
    private static readonly string[] Steps =
        ["planned cluster", "prepared as", "is founded", "committed as", ": serving"];

    /// <summary>Number of foundings; <c>eng/soak.sh founding</c> asks for more.</summary>
    private static int Rounds =>
        int.TryParse(Environment.GetEnvironmentVariable("KV_TEST_FOUNDINGS"), CultureInfo.InvariantCulture, out int n)
            ? n
            : 6;

    private static ulong Seed =>
        ulong.TryParse(Environment.GetEnvironmentVariable("KV_TEST_SEED"), CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : (ulong)Environment.TickCount64;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stores_StartedInAnyOrder_InitSentManyTimesToAll_OneClusterComesOut()
    {
        ulong seed = Seed;
        output.WriteLine($"seed {seed} (KV_TEST_SEED)");
        var random = new DeterministicRandom(seed);
        await using TestCluster cluster = TestCluster.Prepare(3);
        var answers = new ConcurrentBag<InitResponse>();
        int[] order = [0, 1, 2];
        for (int i = order.Length - 1; i > 0; i--)
        {
            int j = random.Next(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        // Each store is asked twice at once, from before it runs until it answers.
        Task[] inits = [.. Enumerable.Range(0, 6).Select(i => InitUntilAnsweredAsync(cluster, i % 3, answers))];
        foreach (int store in order)
        {
            cluster.Start(store);
            await Task.Delay(random.Next(1_000), Token);
        }

        await Task.WhenAll(inits);
        await OneClusterServesAsync(cluster, answers);
        InitResponse again = await InitUntilAnsweredAsync(cluster, random.Next(3), answers);

        Assert.Equal(7, answers.Count);
        Assert.True(again.Already);
        Assert.Equal(answers.First().ClusterId, again.ClusterId);
        Assert.Equal(RegionCount + 1u, again.RegionCount);
    }

    [Fact]
    public async Task Founders_KilledWhileInitRuns_OneClusterComesOut()
    {
        ulong seed = Seed;
        output.WriteLine($"seed {seed} (KV_TEST_SEED)");
        var random = new DeterministicRandom(seed);
        var reached = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int rounds = Rounds;
        for (int round = 0; round < rounds; round++)
        {
            await using TestCluster cluster = TestCluster.Prepare(3);
            cluster.Cluster.Start();
            await WaitListeningAsync(cluster);
            var answers = new ConcurrentBag<InitResponse>();
            Task[] inits =
                [.. Enumerable.Range(0, 2).Select(_ => InitUntilAnsweredAsync(cluster, random.Next(3), answers))];
            int coordinator = Coordinator(cluster);
            int kills = 1 + random.Next(2);
            for (int kill = 0; kill < kills; kill++)
            {
                // From a random step on a random while: on a busy machine a time alone would always hit the same one.
                await WaitForStepAsync(cluster, random.Next(Steps.Length + 1));
                await Task.Delay(random.Next(60), Token);

                // The coordinator holds the decision: it is hit as often as the others together.
                int victim = random.Next(2) == 0 ? coordinator : random.Next(3);
                await cluster.KillAsync(victim);
                string who = victim == coordinator ? "coordinator" : "founder";
                string step = $"{who} {LastStep(cluster.Stores[victim])}";
                reached[step] = reached.GetValueOrDefault(step) + 1;
                await Task.Delay(random.Next(300), Token);
                cluster.Start(victim);
            }

            await Task.WhenAll(inits);
            await InitUntilAnsweredAsync(cluster, random.Next(3), answers);
            await OneClusterServesAsync(cluster, answers);
        }

        output.WriteLine($"killed after: {string.Join(", ", reached.Select(pair => $"{pair.Key} {pair.Value}"))}");
    }

    /// <summary>Sends init to one store until it is answered.</summary>
    private static async Task<InitResponse> InitUntilAnsweredAsync(
        TestCluster cluster, int store, ConcurrentBag<InitResponse> answers)
    {
        await using var admin = new KvAdmin([cluster.Stores[store].Addresses.Client], TimeSpan.FromSeconds(5));
        InitResponse? answer = null;
        await WaitUntil.TrueAsync(async () =>
        {
            answer = await admin.InitAsync(Wish(cluster.Stores), Token);
            return null;
        });
        answers.Add(answer!);
        return answer!;
    }

    private static InitRequest Wish(IReadOnlyList<LocalStoreProcess> founders)
    {
        var request = new InitRequest();
        request.Founders.AddRange(founders.Select(store => store.Addresses.Peer));
        request.InitialSplitKeys.AddRange(
            Enumerable.Range(1, RegionCount - 1).Select(i => ByteString.CopyFrom((byte)(i * 256 / RegionCount))));
        return request;
    }

    private static async Task OneClusterServesAsync(TestCluster cluster, IEnumerable<InitResponse> answers)
    {
        await cluster.WaitReadyAsync();
        string[] told = [.. answers.Select(answer => new ClusterId(answer.ClusterId).ToString()).Distinct()];
        string id = Assert.Single(told);
        var storeIds = new SortedSet<ulong>();
        foreach (LocalStoreProcess store in cluster.Stores)
        {
            StoreStatusPage page = await StoreStatusPage.ReadAsync(store.Addresses);
            Assert.Equal((id, RegionCount + 1), (page.ClusterId, page.RegionCount));
            storeIds.Add(page.StoreId);

            // Nobody may ever have decided for another one, not even for a moment.
            Assert.All(
                Founded().Matches(await File.ReadAllTextAsync(store.LogPath, Token)),
                match => Assert.Equal(id, match.Groups[1].Value));
        }

        Assert.Equal([1, 2, 3], storeIds);
        await using KvClient client = await cluster.ConnectAsync();
        for (int region = 0; region < RegionCount; region++)
        {
            byte[] key = [(byte)(region * 256 / RegionCount), 7];
            await client.PutAsync(key, key, Token);
            Assert.Equal(key, await client.GetAsync(key, null, Token));
        }
    }

    private static async Task WaitListeningAsync(TestCluster cluster)
    {
        foreach (LocalStoreProcess store in cluster.Stores)
        {
            await WaitUntil.TrueAsync(async () =>
            {
                StoreStatusPage page = await StoreStatusPage.ReadAsync(store.Addresses);
                return page.State.StartsWith("waiting for init", StringComparison.Ordinal) ? null : page.State;
            });
        }
    }

    /// <summary>The founder whose address is first in ordinal order coordinates.</summary>
    private static int Coordinator(TestCluster cluster) => Enumerable.Range(0, cluster.Stores.Count)
        .MinBy(i => cluster.Stores[i].Addresses.Peer, StringComparer.Ordinal);

    /// <summary>Waits until some store has told of a step; 0 = waits for nothing.</summary>
    private static async Task WaitForStepAsync(TestCluster cluster, int step)
    {
        while (step > 0 && !cluster.Stores.Any(store => Says(store, Steps[step - 1])))
        {
            await Task.Delay(1, Token);
        }
    }

    private static string LastStep(LocalStoreProcess store) =>
        Steps.LastOrDefault(step => Says(store, step)) ?? "nothing yet";

    private static bool Says(LocalStoreProcess store, string step) =>
        File.ReadAllText(store.LogPath).Contains(step, StringComparison.Ordinal);

    [GeneratedRegex("cluster ([0-9a-f]{16}) is founded")]
    private static partial Regex Founded();
}
