using Google.Protobuf;
using Kv.Client.Admin;
using Kv.Protocol.V1;
using Kv.Rpc;

namespace Kv.Client.Tests.Admin;

/// <summary>Administration calls over loopback: which store is asked, and how failures are told.</summary>
public sealed class KvAdminTests
{
    /// <summary>Nothing listens there: port 1 is never given out.</summary>
    private const string Nobody = "127.0.0.1:1";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_FirstSeedDown_AsksTheNext()
    {
        await using AdminStore store = await AdminStore.AnsweringAsync();
        await using var admin = new KvAdmin([Nobody, store.Address], Patience);

        Assert.Equal(store.Address, (await admin.ClusterStatusAsync(Token)).AnsweredBy);
    }

    [Fact]
    public async Task Call_StoreThatNamesAnother_IsFollowed()
    {
        await using AdminStore leader = await AdminStore.AnsweringAsync();
        await using AdminStore other = await AdminStore.RedirectingAsync(() => leader.Address);
        await using var admin = new KvAdmin([other.Address], Patience);

        Assert.Equal(leader.Address, (await admin.ClusterStatusAsync(Token)).AnsweredBy);
    }

    [Fact]
    public async Task Call_NamedStoreDown_SaysThatThatOneCannotBeReached()
    {
        await using AdminStore other = await AdminStore.RedirectingAsync(() => Nobody);
        await using var admin = new KvAdmin([other.Address], Patience);

        KvUnavailableException failure = await Assert.ThrowsAsync<KvUnavailableException>(
            () => admin.ClusterStatusAsync(Token).AsTask());
        Assert.Contains(Nobody, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_StoresThatNameEachOther_EndsWithAnError()
    {
        AdminStore? second = null;
        await using AdminStore first = await AdminStore.RedirectingAsync(() => second!.Address);
        await using (second = await AdminStore.RedirectingAsync(() => first.Address))
        {
            await using var admin = new KvAdmin([first.Address], Patience);

            KvException failure = await Assert.ThrowsAsync<KvException>(() => admin.ClusterStatusAsync(Token).AsTask());
            Assert.Contains("another store", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Call_SilentSeed_LeavesTimeForTheNext()
    {
        await using AdminStore silent = await AdminStore.SilentAsync();
        await using AdminStore store = await AdminStore.AnsweringAsync();
        await using var admin = new KvAdmin([silent.Address, store.Address], TimeSpan.FromSeconds(4));

        Assert.Equal(store.Address, (await admin.ClusterStatusAsync(Token)).AnsweredBy);
    }

    [Fact]
    public async Task Call_EverySeedSilent_TimesOutNamingThem()
    {
        await using AdminStore silent = await AdminStore.SilentAsync();
        await using var admin = new KvAdmin([silent.Address], TimeSpan.FromMilliseconds(300));

        KvTimeoutException failure = await Assert.ThrowsAsync<KvTimeoutException>(
            () => admin.ClusterStatusAsync(Token).AsTask());
        Assert.Contains(silent.Address, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_EverySeedDown_SaysWhatEachMet()
    {
        await using var admin = new KvAdmin([Nobody, "127.0.0.1:2"], Patience);

        KvUnavailableException failure = await Assert.ThrowsAsync<KvUnavailableException>(
            () => admin.StoreListAsync(Token).AsTask());
        Assert.Contains(Nobody, failure.Message, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_WrongRequest_IsNotTriedElsewhere()
    {
        await using AdminStore strict =
            await AdminStore.FailingAsync(StatusCode.InvalidArgument, "founders: two are even");
        await using AdminStore store = await AdminStore.AnsweringAsync();
        await using var admin = new KvAdmin([strict.Address, store.Address], Patience);

        KvInvalidRequestException failure = await Assert.ThrowsAsync<KvInvalidRequestException>(
            () => admin.InitAsync(new InitRequest(), Token).AsTask());
        Assert.Equal("founders: two are even", failure.Message);
    }

    [Theory]
    [InlineData(StatusCode.NotFound, "no region 9")]
    [InlineData(StatusCode.FailedPrecondition, "store 9 is not known")]
    [InlineData(StatusCode.Unimplemented, "does not know TransferLeader")]
    public async Task Call_RefusedByAStore_SaysWhatItSaid(StatusCode code, string part)
    {
        await using AdminStore store = await AdminStore.FailingAsync(code, part);
        await using var admin = new KvAdmin([store.Address], Patience);

        KvException failure =
            await Assert.ThrowsAsync<KvException>(() => admin.TransferLeaderAsync(9, 9, Token).AsTask());
        Assert.Contains(part, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_CancelledByTheCaller_IsCancelled()
    {
        await using AdminStore silent = await AdminStore.SilentAsync();
        await using var admin = new KvAdmin([silent.Address], Patience);
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => admin.ClusterStatusAsync(source.Token).AsTask());
    }

    [Fact]
    public async Task Regions_OverPages_AreAll()
    {
        await using AdminStore store = await AdminStore.StartAsync((request, _) =>
        {
            ByteString start = ((RegionListRequest)request).StartKey;
            byte first = start.IsEmpty ? (byte)0 : start[0];
            return new ValueTask<object>(new RegionListResponse
            {
                Regions = { new RegionStatus { Region = new Region { Id = first + 1u } } },
                More = first < 4,
                NextKey = ByteString.CopyFrom((byte)(first + 1)),
            });
        });
        await using var admin = new KvAdmin([store.Address], Patience);

        IReadOnlyList<RegionStatus> regions = await admin.RegionsAsync(Token);

        Assert.Equal([1ul, 2, 3, 4, 5], regions.Select(region => region.Region.Id));
    }

    [Fact]
    public async Task Regions_PageThatDoesNotGoOn_EndsWithAnError()
    {
        await using AdminStore store = await AdminStore.StartAsync(
            (_, _) => new ValueTask<object>(new RegionListResponse { More = true }));
        await using var admin = new KvAdmin([store.Address], Patience);

        await Assert.ThrowsAsync<KvException>(() => admin.RegionsAsync(Token).AsTask());
    }

    [Theory]
    [InlineData("localhost:7400", true)]
    [InlineData("127.0.0.1:1", true)]
    [InlineData("[::1]:7400", true)]
    [InlineData("", false)]
    [InlineData("localhost", false)]
    [InlineData("localhost:", false)]
    [InlineData("localhost:0", false)]
    [InlineData("localhost:70000", false)]
    [InlineData("localhost:7400/path", false)]
    [InlineData("localhost:7400/", false)]
    [InlineData("user@localhost:7400", false)]
    [InlineData("http://localhost:7400", false)]
    [InlineData("[::1]", false)]
    public async Task Seeds_OfAnotherForm_AreRefusedByName(string seed, bool isGood)
    {
        if (isGood)
        {
            await new KvAdmin([seed], Patience).DisposeAsync();
            return;
        }

        KvInvalidRequestException failure =
            Assert.Throws<KvInvalidRequestException>(() => new KvAdmin([seed], Patience));
        Assert.Contains($"'{seed}'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Seeds_None_AreRefused() =>
        Assert.Throws<KvInvalidRequestException>(() => new KvAdmin([], Patience));
}
