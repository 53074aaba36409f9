using Kv.Base;
using Kv.Client.Core;
using Kv.Client.Tests.Model;

namespace Kv.Client.Tests;

/// <summary>
/// The client against a cluster that splits, merges, moves, crashes and forgets, from a seed. KV_SEED takes another
/// first seed.
/// </summary>
public sealed class RandomClusterTests
{
    private const int Operations = 1000;
    private const int Callers = 24;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    public void RandomHistory_WritesTakeEffectAsToldAndScansShowEveryKeyOnce(int offset)
    {
        ulong seed = FirstSeed() + (ulong)offset;

        Run run = Play(seed, new ModelOptions());

        Check(run);
        Assert.True(run.Cluster.ChangeCount > 40, $"only {run.Cluster.ChangeCount} changes");
        Assert.True(run.Workload.ScanCount > 20, $"only {run.Workload.ScanCount} scans");
        int acknowledged = run.Workload.Puts.Count(p => p.Outcome == BatchPartOutcome.Applied);
        int puts = run.Workload.Puts.Count;
        Assert.True(acknowledged > puts * 8 / 10, $"only {acknowledged} of {puts} puts were acknowledged");
        Assert.True(run.Workload.Blocks.Count > 5, $"only {run.Workload.Blocks.Count} blocks of numbers");
        Assert.True(run.Workload.Counted.Applied > 10, $"counted only to {run.Workload.Counted.Applied}");
        Assert.True(run.Workload.ConditionsFailed > 0, $"only {run.Workload.ConditionsFailed} conditions failed");
        Assert.True(run.Workload.RangesDeleted > 5, $"only {run.Workload.RangesDeleted} ranges deleted");
        Assert.True(run.Workload.MultiGetCount > 30, $"only {run.Workload.MultiGetCount} multi-gets");
        Assert.True(
            run.Workload.FailedReadCount * 20 < run.Workload.ReadCount, $"{run.Workload.FailedReadCount} reads failed");
    }

    [Fact]
    public void EverySecondMessageInDoubt_NothingIsAppliedTwice()
    {
        Run run = Play(FirstSeed() + 100, new ModelOptions { LossChance = 0.1, InDoubtChance = 0.5 });

        Check(run);
        Assert.Contains("NotLeader", run.Cluster.ErrorCounts.Keys);
    }

    [Fact]
    public void SameSeedTwice_SameTrace()
    {
        Run first = Play(FirstSeed() + 200, new ModelOptions());
        Run second = Play(FirstSeed() + 200, new ModelOptions());

        Assert.Equal(first.Cluster.TraceHash, second.Cluster.TraceHash);
        Assert.NotEqual(first.Cluster.TraceHash, Play(FirstSeed() + 201, new ModelOptions()).Cluster.TraceHash);
    }

    [Fact]
    public void RegionsThatForgetOutcomes_AreSeenByTheCheck()
    {
        Run run = Play(
            FirstSeed() + 300, new ModelOptions { RemembersOutcomes = false, LossChance = 0.05, InDoubtChance = 0.2 });

        Assert.Contains(run.Cluster.Applied.Values, times => times > 1);
    }

    private static Run Play(ulong seed, ModelOptions options)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"KV_SEED={seed}");
        var random = new DeterministicRandom(seed);
        var clock = new ManualClock();
        var cluster = new ModelCluster(options, random.Fork(), clock);
        for (char c = 'd'; c < 'z'; c = (char)(c + 4))
        {
            cluster.SplitAt($"{c}");
        }

        var pump = new ClientPump(
            new KvClientOptions
            {
                Seeds = [Messages.Address(1), Messages.Address(2), Messages.Address(3)],
                InFlightPerStoreMax = 8,
                Clock = clock,
            },
            random.Fork(),
            Messages.Session);
        pump.SetWake(() => { });
        pump.SetTransport(cluster);
        cluster.Attach(pump);
        var workload = new Workload(pump, cluster, random.Fork(), Operations, Callers);
        cluster.RunUntil(() => workload.IsDone, maxMs: 600_000);

        // Whatever is still on its way arrives: a write told as failed must not appear now.
        cluster.Heal();
        long until = clock.Ms + 12_000;
        var tick = new GetOperation("a"u8);
        pump.Submit(tick);
        cluster.RunUntil(() => tick.IsCompleted, maxMs: 11_000);
        cluster.RunOut(until);
        Assert.Null(tick.Error);
        bool isDeleted = false;
        workload.DeleteAll(() => isDeleted = true);
        cluster.RunUntil(() => isDeleted, maxMs: 600_000);
        Assert.Equal(0, pump.OutstandingCount);
        return new Run(cluster, workload);
    }

    private static void Check(Run run)
    {
        Assert.All(
            run.Cluster.Applied,
            entry => Assert.True(entry.Value == 1, $"{entry.Key} was applied {entry.Value} times"));
        foreach (Workload.PutRecord put in run.Workload.Puts.Concat(run.Workload.GuardedPuts))
        {
            int times = run.Cluster.AppliedValues.GetValueOrDefault(put.Value);
            bool asTold = put.Outcome switch
            {
                BatchPartOutcome.Applied => times == 1,
                BatchPartOutcome.NotApplied or BatchPartOutcome.ConditionFailed => times == 0,
                BatchPartOutcome.Undetermined => times is 0 or 1,
                _ => false,
            };
            Assert.True(asTold, $"{put.Value} of key {put.Key} was told {put.Outcome} and applied {times} times");
        }

        Assert.DoesNotContain(
            run.Cluster.Data.Keys, key => key.Contains(ModelCluster.DeletableMark, StringComparison.Ordinal));
        long end = 0;
        foreach ((long start, long count) in run.Workload.Blocks.Order())
        {
            Assert.True(start >= end, $"number {start} was handed out twice");
            end = start + count;
        }

        run.Cluster.Data.TryGetValue(Workload.CounterKey, out (string Value, ulong Revision) counter);
        (int applied, int undetermined) = run.Workload.Counted;
        Assert.InRange(int.Parse(counter.Value ?? "0"), applied, applied + undetermined);
    }

    private static ulong FirstSeed() =>
        ulong.TryParse(Environment.GetEnvironmentVariable("KV_SEED"), out ulong seed) ? seed : 20_261_122;

    private sealed record Run(ModelCluster Cluster, Workload Workload);
}
