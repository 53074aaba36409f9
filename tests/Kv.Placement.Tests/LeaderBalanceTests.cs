using Kv.Base;
using Kv.Placement.Balance;
using Kv.Protocol;

namespace Kv.Placement.Tests;

public class LeaderBalanceTests
{
    [Theory]
    [InlineData("12 0 0", 8)]
    [InlineData("4 4 4", 0)]
    [InlineData("5 4 3", 1)]
    [InlineData("4 4 3", 0)]
    [InlineData("0 0 1", 0)]
    [InlineData("0 0 2", 1)]
    [InlineData("100 1 1", 66)]
    public void UnevenLeaders_AreSpreadWithinOne_WithTheFewestTransfers(string leaders, int transfers)
    {
        var cluster = new Table(leaders);
        IReadOnlyList<LeaderTransfer> decided = LeaderBalance.Decide(cluster.View(), int.MaxValue);
        Assert.Equal(transfers, decided.Count);
        cluster.Apply(decided);
        Assert.InRange(cluster.Spread(), 0, 1);
        Assert.Empty(LeaderBalance.Decide(cluster.View(), int.MaxValue));
    }

    [Fact]
    public void Round_NeverDecidesMoreThanItsBound_AndRoundsConverge()
    {
        var cluster = new Table("30 0 0");
        int rounds = 0;
        while (LeaderBalance.Decide(cluster.View(), 4) is { Count: > 0 } decided)
        {
            Assert.InRange(decided.Count, 1, 4);
            cluster.Apply(decided);
            Assert.True(++rounds <= 5, "20 transfers in rounds of 4 need 5 rounds");
        }

        Assert.Equal(5, rounds);
        Assert.InRange(cluster.Spread(), 0, 1);
    }

    [Fact]
    public void StoppingStore_LosesEveryLeader_AndGetsNone()
    {
        var cluster = new Table("3 3 0") { Stopping = { 1 } };
        IReadOnlyList<LeaderTransfer> decided = LeaderBalance.Decide(cluster.View(), int.MaxValue);
        cluster.Apply(decided);
        Assert.Equal(0, cluster.CountOn(1));
        Assert.InRange(Math.Abs(cluster.CountOn(2) - cluster.CountOn(3)), 0, 1);
        Assert.All(decided, transfer => Assert.NotEqual(1UL, transfer.To.Value));
        Assert.Contains(decided, transfer => transfer.Reason == "store 1 is stopping");
    }

    [Fact]
    public void SilentStore_GetsNoLeader_AndItsRegionsAreLeftToRaft()
    {
        var cluster = new Table("6 0 2") { Silent = { 2, 3 } };
        Assert.Empty(LeaderBalance.Decide(cluster.View(), int.MaxValue));
    }

    [Fact]
    public void PeerThatLags_IsNoVoter_OrIsNotThere_GetsNoLeader()
    {
        var cluster = new Table("6 0 0");
        ClusterView view = cluster.View();
        view = view with { Regions =
            [.. view.Regions.Select(static region => region with { Peers = Handicap(region) })] };
        IReadOnlyList<LeaderTransfer> decided = LeaderBalance.Decide(view, int.MaxValue);
        Assert.Empty(decided);

        static List<PeerView> Handicap(RegionView region) => (region.Id.Value % 3) switch
        {
            0 => [.. region.Peers.Select(static peer => peer with { UpToDate = peer.Store.Value == 1 })],
            1 => [.. region.Peers.Select(static peer => peer with { Voter = peer.Store.Value == 1 })],
            _ => [.. region.Peers.Where(static peer => peer.Store.Value == 1)],
        };
    }

    [Fact]
    public void OpenTransfers_CountAsDone_AndRestingRegionsStay()
    {
        var cluster = new Table("4 0");
        ClusterView view = cluster.View();
        List<RegionView> regions = [.. view.Regions];
        regions[0] = regions[0] with { MovingTo = new StoreId(2) };
        regions[1] = regions[1] with { MovingTo = new StoreId(2) };
        Assert.Empty(LeaderBalance.Decide(view with { Regions = regions }, int.MaxValue));

        regions = [.. view.Regions.Select(static region => region with { Resting = region.Id.Value != 13 })];
        LeaderTransfer only = Assert.Single(LeaderBalance.Decide(view with { Regions = regions }, int.MaxValue));
        Assert.Equal(13UL, only.Region.Value);
    }

    [Fact]
    public void StoresWithoutCommonRegions_AreEvenedThroughOneBetween()
    {
        // Store 1 shares regions with store 2 only, store 2 with store 3 only.
        var regions = new List<RegionView>();
        for (ulong id = 10; id < 14; id++)
        {
            regions.Add(Region(id, leader: 1, 1, 2));
        }

        regions.Add(Region(20, leader: 2, 2, 3));
        regions.Add(Region(21, leader: 2, 2, 3));
        regions.Add(Region(22, leader: 2, 2, 3));
        var view = new ClusterView([Up(1), Up(2), Up(3)], regions);
        IReadOnlyList<LeaderTransfer> decided = LeaderBalance.Decide(view, int.MaxValue);
        int[] counts = [4, 3, 0];
        foreach (LeaderTransfer transfer in decided)
        {
            counts[transfer.From.Value - 1]--;
            counts[transfer.To.Value - 1]++;
        }

        Assert.InRange(counts.Max() - counts.Min(), 0, 1);
    }

    [Fact]
    public void AnyView_EndsWithinOne_AndNamesTheEpoch()
    {
        const ulong Seed = 20260701;
        var random = new DeterministicRandom(Seed);
        for (int run = 0; run < 200; run++)
        {
            var table = new Table(
                string.Join(' ', Enumerable.Range(0, random.Next(2, 6)).Select(_ => random.Next(40))));
            ClusterView view = table.View();
            IReadOnlyList<LeaderTransfer> decided = LeaderBalance.Decide(view, int.MaxValue);
            table.Apply(decided);
            Assert.True(table.Spread() <= 1, $"seed {Seed} run {run}");
            Assert.All(decided, t => Assert.Equal(view.Regions.Single(r => r.Id == t.Region).Epoch, t.Epoch));
            Assert.All(decided, static t => Assert.NotEmpty(t.Reason));
        }
    }

    private static StoreView Up(ulong id) => new(new StoreId(id), Up: true, Stopping: false);

    private static RegionView Region(ulong id, ulong leader, params ulong[] stores) => new(
        new RegionId(id),
        new RegionEpoch(1, id),
        new PeerId((id * 100) + leader),
        default,
        Resting: false,
        [.. stores.Select(store =>
            new PeerView(new PeerId((id * 100) + store), new StoreId(store), Voter: true, UpToDate: true))]);

    /// <summary>
    /// Stores 1, 2, … that lead as many regions as the text says; every region has a peer on every store.
    /// </summary>
    private sealed class Table
    {
        private readonly ulong[] _leaderOf;
        private readonly int _storeCount;

        public Table(string leaders)
        {
            int[] counts = [.. leaders.Split(' ').Select(int.Parse)];
            _storeCount = counts.Length;
            _leaderOf = [.. counts.SelectMany((count, store) => Enumerable.Repeat((ulong)store + 1, count))];
        }

        public HashSet<ulong> Stopping { get; } = [];

        public HashSet<ulong> Silent { get; } = [];

        public ClusterView View() => new(
            [.. Stores().Select(id => new StoreView(new StoreId(id), !Silent.Contains(id), Stopping.Contains(id)))],
            [.. _leaderOf.Select((leader, i) => Region((ulong)i + 10, leader, [.. Stores()]))]);

        public void Apply(IReadOnlyList<LeaderTransfer> decided)
        {
            foreach (LeaderTransfer transfer in decided)
            {
                Assert.Equal(_leaderOf[transfer.Region.Value - 10], transfer.From.Value);
                _leaderOf[transfer.Region.Value - 10] = transfer.To.Value;
            }
        }

        public int CountOn(ulong store) => _leaderOf.Count(leader => leader == store);

        public int Spread() => Stores().Max(CountOn) - Stores().Min(CountOn);

        private IEnumerable<ulong> Stores() => Enumerable.Range(1, _storeCount).Select(static i => (ulong)i);
    }
}
