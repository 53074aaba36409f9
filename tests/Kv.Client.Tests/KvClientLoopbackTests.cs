using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kv.Client.Tests;

/// <summary>The public client over real gRPC streams on loopback.</summary>
public sealed class KvClientLoopbackTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PutGetDelete_OverTwoStores_RoundTrip()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();

        WriteReceipt left = await client.PutAsync("apple", "red", Cancelled);
        WriteReceipt right = await client.PutAsync("plum", "", Cancelled);

        Assert.Equal(10ul, left.RegionId);
        Assert.Equal(20ul, right.RegionId);
        Assert.Equal("red", await client.GetTextAsync("apple", cancellationToken: Cancelled));
        byte[]? plum = await client.GetAsync("plum", cancellationToken: Cancelled);
        Assert.NotNull(plum);
        Assert.Empty(plum);
        ValueWithRevision? apple = await client.GetWithRevisionAsync("apple"u8.ToArray(), cancellationToken: Cancelled);
        Assert.Equal(left.Revision, apple?.Revision);
        await client.DeleteAsync("apple", Cancelled);
        Assert.Null(await client.GetTextAsync("apple", cancellationToken: Cancelled));
        Assert.Equal(0, client.OutstandingCount);
    }

    [Fact]
    public async Task Batch_OverTwoStores_ReportsBothParts()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();

        BatchResult result = await client.BatchAsync(
            new WriteBatch().Put("a", "1").Put("z", "2").Delete("b"), Cancelled);

        Assert.True(result.AllApplied);
        Assert.Equal([10ul, 20ul], result.Parts.Select(p => p.RegionId));
        Assert.Equal("2", await client.GetTextAsync("z", cancellationToken: Cancelled));
    }

    [Fact]
    public async Task ConditionalWrites_OverTwoStores_TellWhatTheyFound()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();

        ConditionalReceipt first = await client.PutIfAbsentAsync("apple", "red", Cancelled);
        ConditionalReceipt second = await client.PutIfAbsentAsync("apple", "green", Cancelled);
        Assert.True(first is { Applied: true, Current: null, RegionId: 10 });
        Assert.False(second.Applied);
        Assert.Equal(("red", first.Revision), (Text(second.Current), second.Current?.Revision));
        ConditionalReceipt swapped = await client.CompareAndPutAsync(
            "apple", KvExpectation.Revision(first.Revision), "green", Cancelled);
        Assert.True(swapped.Applied);
        Assert.False((await client.CompareAndDeleteAsync("apple", KvExpectation.Value("red"), Cancelled)).Applied);
        Assert.Equal("green", Text(await client.GetAndPutAsync("apple", "blue", Cancelled)));
        Assert.Null(await client.GetAndPutAsync("plum", "blue", Cancelled));
        Assert.True((await client.CompareAndDeleteAsync("apple", KvExpectation.Value("blue"), Cancelled)).Applied);
        Assert.False(await client.ExistsAsync("apple", cancellationToken: Cancelled));
        Assert.True(await client.ExistsAsync("plum", cancellationToken: Cancelled));
        Assert.True((await client.CompareAndPutAsync("apple", KvExpectation.Absent, "", Cancelled)).Applied);
    }

    [Fact]
    public async Task MultiGetAndDeleteRange_OverTwoStores()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();
        await client.BatchAsync(
            new WriteBatch().Put("a", "1").Put("b", "2").Put("c", "3").Put("x", "4").Put("z", "5"), Cancelled);

        IReadOnlyList<ValueWithRevision?> values =
            await client.MultiGetAsync(["z", "nope", "a", "b", "c", "x", "a"], cancellationToken: Cancelled);
        Assert.Equal(["5", "-", "1", "2", "3", "4", "1"], values.Select(Text));
        DeleteRangeResult deleted = await client.DeleteRangeAsync("b", "z", Cancelled);

        Assert.True(deleted is { Finished: true, RegionCount: 2 });
        values = await client.MultiGetAsync(["a", "b", "c", "x", "z"], cancellationToken: Cancelled);
        Assert.Equal(["1", "-", "-", "-", "5"], values.Select(Text));
        Assert.Equal(2, (await client.DeleteRangeAsync("", "", Cancelled)).RegionCount);
        Assert.False(await client.ExistsAsync("z", cancellationToken: Cancelled));
        Assert.Equal(0, (await client.DeleteRangeAsync("b", "b", Cancelled)).RegionCount);
    }

    [Fact]
    public async Task DeleteRange_ThatEndsOnTheWay_SaysHowFarItCame()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync(new KvClientOptions
        {
            Seeds = [], OperationTimeout = TimeSpan.FromSeconds(1), AttemptTimeout = TimeSpan.FromMilliseconds(200),
        });
        cluster.MuteRegion = 20;

        var error = await Assert.ThrowsAsync<KvDeleteRangeException>(
            async () => await client.DeleteRangeAsync("b", "", Cancelled));

        Assert.True(error.Result is { RegionCount: 1, Finished: false });
        Assert.Equal("m"u8, error.Result.Next.Span);
        Assert.IsType<KvUndeterminedException>(error.InnerException);
    }

    [Fact]
    public async Task Sequences_HandOutBlocks()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();

        Assert.Equal(new SequenceBlock(0, 10), await client.NextSequenceAsync("s", 10, Cancelled));
        Assert.Equal(new SequenceBlock(10, 11), await client.NextSequenceAsync("s", cancellationToken: Cancelled));
        Assert.Equal(11, await client.GetSequenceAsync("s", Cancelled));
        Assert.Equal(11, await client.ResetSequenceAsync("s", long.MaxValue, Cancelled));
        await Assert.ThrowsAsync<KvSequenceExhaustedException>(
            async () => await client.NextSequenceAsync("s", 1, Cancelled));
        Assert.Equal(long.MaxValue, await client.GetSequenceAsync("s", Cancelled));
        foreach (long count in (long[])[0, -1, long.MinValue])
        {
            var wrong = await Assert.ThrowsAsync<KvInvalidRequestException>(
                async () => await client.NextSequenceAsync("s", count, Cancelled));
            Assert.Equal("count", wrong.Argument);
        }
    }

    [Fact]
    public async Task ResultThatIsForgotten_IsSaidHonestly()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(1);
        await using KvClient client = await cluster.ConnectAsync();
        await client.PutAsync("a", "1", Cancelled);
        cluster.DropsResults = true;

        var dropped = await Assert.ThrowsAsync<KvResultDroppedException>(
            async () => await client.GetAndPutAsync("a", "2", Cancelled));
        ConditionalReceipt refused = await client.PutIfAbsentAsync("a", "3", Cancelled);

        Assert.True(dropped.MaybeApplied && dropped.Receipt.Revision > 0);
        Assert.True(refused is { Applied: false, Current: null, CurrentDropped: true });
        Assert.Equal("2", await client.GetTextAsync("a", cancellationToken: Cancelled));
    }

    [Fact]
    public async Task Scan_BothWaysOverRegions_GivesEveryKeyOnceInOrder()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();
        var batch = new WriteBatch();
        List<string> keys = [.. Enumerable.Range(0, 60).Select(i => $"{(char)('a' + (i % 26))}{i:d2}")];
        keys.ForEach(k => batch.Put(k, "v" + k));
        await client.BatchAsync(batch, Cancelled);
        keys.Sort(StringComparer.Ordinal);

        Assert.Equal(keys, await KeysAsync(client, new ScanOptions()));
        Assert.Equal(keys.AsEnumerable().Reverse(), await KeysAsync(client, new ScanOptions { Reverse = true }));
        Assert.Equal(keys.Take(25), await KeysAsync(client, new ScanOptions { Limit = 25 }));
        Assert.Equal(
            keys.AsEnumerable().Reverse().Take(41),
            await KeysAsync(client, new ScanOptions { Limit = 41, Reverse = true, PageRowsMax = 5 }));
        Assert.Equal(
            keys.Where(k => string.CompareOrdinal(k, "c") >= 0 && string.CompareOrdinal(k, "q") < 0),
            await KeysAsync(client, ScanOptions.ForRange("c", "q")));
        Assert.Equal(keys.Where(k => k[0] == 'm'), await KeysAsync(client, ScanOptions.ForPrefix("m")));
        Assert.Empty(await KeysAsync(client, new ScanOptions { Limit = 0 }));
        await foreach (KeyValueEntry entry in client.ScanAsync(new ScanOptions { KeysOnly = true }, Cancelled))
        {
            Assert.True(entry.Value.IsEmpty);
            Assert.NotEqual(0ul, entry.Revision);
        }

        await foreach (KeyValueEntry entry in client.ScanPrefixAsync("n", Cancelled))
        {
            Assert.Equal("v" + entry.KeyText, entry.ValueText);
        }
    }

    [Fact]
    public async Task Lookups_ShowRegionsAndStores()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();

        IReadOnlyList<KvRegionInfo> regions = await client.RegionsAsync(cancellationToken: Cancelled);
        IReadOnlyList<KvStoreInfo> stores = await client.StoresAsync(Cancelled);

        Assert.Equal([10ul, 20ul], regions.Select(r => r.Id));
        Assert.Equal([1ul, 2ul], regions.Select(r => r.LeaderStoreId));
        Assert.Equal("m", Encoding.UTF8.GetString(regions[0].EndKey.Span));
        Assert.Equal([cluster.AddressOf(1), cluster.AddressOf(2)], stores.Select(s => s.ClientAddress));
    }

    [Fact]
    public async Task LargeValues_ManyAtOnce_ComeBackWhole()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();
        byte[] value = new byte[1024 * 1024];
        new Base.DeterministicRandom(3).Fill(value);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(
            i => client.PutAsync(Messages.Bytes($"{(char)('a' + i)}"), value, Cancelled).AsTask()));

        byte[]?[] read = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            i => client.GetAsync($"{(char)('a' + i)}", cancellationToken: Cancelled).AsTask()));
        Assert.All(read, v => Assert.Equal(value, v));
    }

    [Fact]
    public async Task ManyOperationsAtOnce_ShareMessages()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();

        await Task.WhenAll(Enumerable.Range(0, 5000).Select(
            i => client.PutAsync($"{(char)('a' + (i % 26))}{i}", "v", Cancelled).AsTask()));

        Assert.Equal(5000, cluster.Identities.Count);
        Assert.Equal(5000, cluster.Identities.Select(i => i.Sequence).Distinct().Count());
        Assert.Single(cluster.Identities.Select(i => i.Session).Distinct());
        Assert.True(
            cluster.MessageCount * 3 < cluster.RequestCount,
            $"{cluster.RequestCount} requests in {cluster.MessageCount} messages");
    }

    [Fact]
    public async Task KilledStore_WritesGoOnAtItsSuccessor()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(3);
        await using KvClient client = await cluster.ConnectAsync();
        await client.PutAsync("apple", "1", Cancelled);
        await client.PutAsync("plum", "1", Cancelled);
        await cluster.KillAsync(storeId: 1, successor: 3);
        var watch = Stopwatch.StartNew();

        await client.PutAsync("apple", "2", Cancelled);
        await client.PutAsync("plum", "2", Cancelled);

        Assert.True(watch.ElapsedMilliseconds < 3000, $"took {watch.ElapsedMilliseconds} ms");
        Assert.Equal("2", await client.GetTextAsync("apple", cancellationToken: Cancelled));
    }

    [Fact]
    public async Task Connect_NobodyThere_IsUnavailableNamingTheSeedAndTheCause()
    {
        int port = FreePort();
        var options = new KvClientOptions
        {
            Seeds = [$"127.0.0.1:{port}"],
            OperationTimeout = TimeSpan.FromMilliseconds(400),
        };

        var error = await Assert.ThrowsAsync<KvUnavailableException>(() => KvClient.ConnectAsync(options, Cancelled));

        Assert.StartsWith($"no store answered at 127.0.0.1:{port}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task Connect_AddressThatIsNone_IsUnavailableNamingIt()
    {
        var options = new KvClientOptions
        {
            Seeds = ["not an address"],
            OperationTimeout = TimeSpan.FromMilliseconds(300),
        };

        var error = await Assert.ThrowsAsync<KvUnavailableException>(() => KvClient.ConnectAsync(options, Cancelled));

        Assert.Contains(
            "'not an address' is no address of the form host:port", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancel_WhileUnderWay_TellsReadsAndWritesApart()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();
        cluster.IsMute = true;
        int seen = cluster.RequestCount;
        using var source = new CancellationTokenSource();
        Task<byte[]?> get = client.GetAsync("a", cancellationToken: source.Token).AsTask();
        Task<WriteReceipt> put = client.PutAsync("a", "v", source.Token).AsTask();
        while (cluster.RequestCount < seen + 2)
        {
            await Task.Yield();
        }

        await source.CancelAsync();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => get);
        Assert.Equal(source.Token, cancelled.CancellationToken);
        await Assert.ThrowsAsync<KvUndeterminedException>(() => put);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.GetAsync("a", cancellationToken: source.Token).AsTask());
    }

    [Fact]
    public async Task Dispose_WhileUnderWay_EndsEverything()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        KvClient client = await cluster.ConnectAsync();
        cluster.IsMute = true;
        int seen = cluster.RequestCount;
        Task<byte[]?> get = client.GetAsync("a", cancellationToken: Cancelled).AsTask();
        Task<WriteReceipt> put = client.PutAsync("a", "v", Cancelled).AsTask();
        while (cluster.RequestCount < seen + 2)
        {
            await Task.Yield();
        }

        await client.DisposeAsync();

        await Assert.ThrowsAsync<KvUnavailableException>(() => get);
        await Assert.ThrowsAsync<KvUndeterminedException>(() => put);
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => client.GetAsync("a", cancellationToken: Cancelled).AsTask());
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Scan_WithWrongArguments_NamesThem()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(1);
        await using KvClient client = await cluster.ConnectAsync();

        var crossed = await Assert.ThrowsAsync<KvInvalidRequestException>(
            () => KeysAsync(client, ScanOptions.ForRange("z", "a")));
        var negative = await Assert.ThrowsAsync<KvInvalidRequestException>(
            () => KeysAsync(client, new ScanOptions { Limit = -1 }));

        Assert.Equal("end", crossed.Argument);
        Assert.Equal("limit: -1 rows, must be 0 or more", negative.Message);
    }

    [Fact]
    public async Task Meter_CountsOperationsByKindAndOutcome()
    {
        await using LoopbackCluster cluster = await LoopbackCluster.StartAsync(2);
        await using KvClient client = await cluster.ConnectAsync();
        var seen = new System.Collections.Concurrent.ConcurrentBag<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Name == "Kv.Client")
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
            seen.Add($"{instrument.Name} {tags[0].Value} {tags[1].Value} {value >= 0}"));
        listener.Start();

        await client.PutAsync("a", "v", Cancelled);

        Assert.Contains("kv.client.duration write ok True", seen);
    }

    private static async Task<List<string>> KeysAsync(KvClient client, ScanOptions options)
    {
        var keys = new List<string>();
        await foreach (KeyValueEntry entry in client.ScanAsync(options, Cancelled))
        {
            keys.Add(entry.KeyText);
        }

        return keys;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Text(ValueWithRevision? value) =>
        value is { } found ? Encoding.UTF8.GetString(found.Value) : "-";
}
