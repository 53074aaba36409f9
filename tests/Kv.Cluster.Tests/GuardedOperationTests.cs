using System.Collections.Concurrent;
using System.Text;
using Kv.Client;

namespace Kv.Cluster.Tests;

/// <summary>
/// Counters under compare-and-put and sequences on three real stores, while each of them is killed once.
/// </summary>
public sealed class GuardedOperationTests
{
    private const int Workers = 12;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CountersAndSequences_WhileStoresAreKilled_LoseNothingAndHandNothingOutTwice()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        await using KvClient client = await cluster.ConnectAsync();
        string[] keys = ["\u0010count", "acount", "Pcount"];
        var counted = new ConcurrentBag<(string Key, bool Known)>();
        var blocks = new ConcurrentBag<(string Key, SequenceBlock Block)>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task[] working = [.. Enumerable.Range(0, Workers).Select(worker =>
            Task.Run(() => WorkAsync(client, keys[worker % keys.Length], counted, blocks, stop.Token), Token))];

        for (int store = 0; store < cluster.Stores.Count; store++)
        {
            await WaitForAsync(more: 200);
            await cluster.KillAsync(store);
            await WaitForAsync(more: 50);
            cluster.Start(store);
            await cluster.WaitReadyAsync();
        }

        await stop.CancelAsync();
        await Task.WhenAll(working);

        IReadOnlyList<ValueWithRevision?> values = await client.MultiGetAsync(keys, cancellationToken: Token);
        for (int i = 0; i < keys.Length; i++)
        {
            int known = counted.Count(one => one.Key == keys[i] && one.Known);
            int unknown = counted.Count(one => one.Key == keys[i] && !one.Known);
            Assert.InRange(int.Parse(Encoding.UTF8.GetString(values[i]!.Value.Value)), known, known + unknown);
            long end = 0;
            foreach (SequenceBlock block in blocks.Where(one => one.Key == keys[i]).Select(one => one.Block)
                .OrderBy(block => block.Start))
            {
                Assert.True(block.Start >= end, $"{keys[i]}: number {block.Start} was handed out twice");
                end = block.End;
            }

            Assert.True(await client.GetSequenceAsync(keys[i], Token) >= end);
        }

        DeleteRangeResult deleted = await client.DeleteRangeAsync("", "", Token);
        Assert.True(deleted is { Finished: true, RegionCount: 4 });
        Assert.All(await client.MultiGetAsync(keys, cancellationToken: Token), value => Assert.Null(value));
        return;

        Task WaitForAsync(int more)
        {
            int until = counted.Count + blocks.Count + more;
            return WaitUntil.TrueAsync(() =>
                Task.FromResult(counted.Count + blocks.Count >= until ? null : "too few operations were done"));
        }
    }

    private static async Task WorkAsync(
        KvClient client,
        string key,
        ConcurrentBag<(string Key, bool Known)> counted,
        ConcurrentBag<(string Key, SequenceBlock Block)> blocks,
        CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                blocks.Add((key, await client.NextSequenceAsync(key, 3, CancellationToken.None)));
            }
            catch (KvException)
            {
                // Numbers that nobody was told may be lost.
            }

            byte[] keyBytes = Encoding.UTF8.GetBytes(key);
            try
            {
                ValueWithRevision? held = await client.GetWithRevisionAsync(keyBytes, null, CancellationToken.None);
                int next = held is { } value ? int.Parse(Encoding.UTF8.GetString(value.Value)) + 1 : 1;
                ConditionalReceipt receipt = await client.CompareAndPutAsync(
                    keyBytes,
                    held is { } old ? KvExpectation.Revision(old.Revision) : KvExpectation.Absent,
                    Encoding.UTF8.GetBytes($"{next}"),
                    CancellationToken.None);
                if (receipt.Applied)
                {
                    counted.Add((key, Known: true));
                }
            }
            catch (KvException e)
            {
                if (e.MaybeApplied)
                {
                    counted.Add((key, Known: false));
                }
            }
        }
    }
}
