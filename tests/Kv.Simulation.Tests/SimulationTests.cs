using Kv.Simulation.Faults;
using Kv.Simulation.Workload;

namespace Kv.Simulation.Tests;

public sealed class SimulationTests
{
    private static readonly SortedSet<FaultKind> LossAndCrashes =
        [FaultKind.MessageLoss, FaultKind.MessageDuplicate, FaultKind.MessageDelay, FaultKind.PowerCut];

    /// <summary>
    /// Three stores, placement and clients in one thread, with lost and doubled messages and crashes that tear unsynced
    /// data: nothing acknowledged is lost, nothing stale is read, nothing is applied twice, and the same seed gives the
    /// same events.
    /// </summary>
    [Theory]
    [InlineData(11UL)]
    [InlineData(12UL)]
    public void Cluster_SameSeedTwice_SameHashAndNothingLost(ulong seed)
    {
        var options = new SimOptions { Seed = seed, FaultSeconds = 20, Faults = LossAndCrashes };

        SimReport first = new SimCluster(options).Run();
        SimReport second = new SimCluster(options).Run();

        Assert.Empty(first.Problems);
        Assert.True(
            first.Acknowledged > 1_000, $"only {first.Acknowledged} writes were acknowledged: the run shows nothing");
        Assert.True(first.Reads > 1_000, $"only {first.Reads} reads");
        Assert.True(first.DiskReads > 100, $"only {first.DiskReads} reads went to the disk");
        Assert.True(first.LostMessages > 100, $"only {first.LostMessages} messages were lost");
        Assert.Equal(first.Hash, second.Hash);
        Assert.Equal(first.Events, second.Events);
    }

    [Fact]
    public void Cluster_OtherSeed_OtherHash()
    {
        SimReport first = new SimCluster(new SimOptions { Seed = 21, FaultSeconds = 3 }).Run();
        SimReport second = new SimCluster(new SimOptions { Seed = 22, FaultSeconds = 3 }).Run();

        Assert.NotEqual(first.Hash, second.Hash);
    }

    [Theory]
    [InlineData(31UL)]
    [InlineData(32UL)]
    [InlineData(33UL)]
    public void Cluster_HeavyLossAndCrashes_NothingLost(ulong seed)
    {
        SimReport report = new SimCluster(new SimOptions
        {
            Seed = seed,
            FaultSeconds = 20,
            Faults = LossAndCrashes,
            Rates = NetworkRates.Usual with { Loss = 0.10, Duplicate = 0.05 },
        }).Run();

        Assert.True(report.Problems.Count == 0, $"seed {seed}: {string.Join("; ", report.Problems)}");
        Assert.True(report.Acknowledged > 500, $"only {report.Acknowledged} writes were acknowledged");
    }

    /// <summary>
    /// Once law: every second answer to a write is lost and leaders crash, so that more than half of all writes are
    /// sent twice or more. Each takes effect once, counted by session and sequence inside every store's apply loop.
    /// </summary>
    [Fact]
    public void Cluster_EverySecondReplyDroppedAndLeadersCrash_EachWriteAppliedOnce()
    {
        SimReport report = new SimCluster(new SimOptions
        {
            Seed = 41,
            FaultSeconds = 230,
            FaultIntervalMs = 5_000,
            Faults = new SortedSet<FaultKind> { FaultKind.MessageDuplicate, FaultKind.FastRestart },
            Load = new LoadOptions
            {
                Clients = 3,
                ThreadsPerClient = 12,
                Keys = 96,
                WriteShare = 1,
                DeleteShare = 0.5,
                BatchShare = 0,
                DropEverySecondReply = true,
            },
        }).Run();

        Assert.Empty(report.Problems);
        Assert.True(report.Begun >= 10_000, $"only {report.Begun} writes were begun");
        Assert.Equal(0, report.Failed);
        Assert.Equal(report.Begun, report.Acknowledged + report.Undetermined);
        Assert.InRange(report.TookEffect, report.Acknowledged, report.Begun);
        Assert.True(
            report.Undetermined <= report.Begun / 1_000,
            $"{report.Undetermined} of {report.Begun} undetermined: {string.Join("; ", report.Errors.Take(5))}");
    }

    /// <summary>
    /// Sleep law over a slow network: when a region falls asleep, answers to its leader's last heartbeats are still on
    /// their way. They wake nobody. Only the system region stays awake, on each store.
    /// </summary>
    [Fact]
    public void Cluster_AnswersUnderWayWhenRegionsFallAsleep_AllSleep()
    {
        SimReport report = new SimCluster(
            new SimOptions
            {
                Seed = 51,
                NetworkDelayMs = 120,
                FaultSeconds = 1,
                Load = new LoadOptions { Clients = 1 },
            }).Run();

        Assert.Empty(report.Problems);
        Assert.Equal(3, report.AwakePeers);
    }
}
