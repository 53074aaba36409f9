using System.Globalization;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

/// <summary>
/// Random runs. Each prints its seed on failure; <c>KV_RAFT_SEED</c> runs one seed alone, <c>KV_RAFT_SEEDS</c> sets
/// how many.
/// </summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private const int Seconds = 20;

    [Fact]
    public void Chaos_FixedMembership_IsSafeAndRecovers() => RunSeeds(firstSeed: 1, withConfChanges: false);

    [Fact]
    public void Chaos_ChangingMembership_IsSafeAndRecovers() => RunSeeds(firstSeed: 100_001, withConfChanges: true);

    private void RunSeeds(ulong firstSeed, bool withConfChanges)
    {
        ulong count = Setting("KV_RAFT_SEEDS", 60);
        ulong only = Setting("KV_RAFT_SEED", 0);
        ulong committed = 0;
        int crashes = 0;
        int leaders = 0;
        int reads = 0;
        int leases = 0;
        int snapshots = 0;
        for (ulong seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var chaos = new Chaos(only == 0 ? seed : only, withConfChanges);
            try
            {
                chaos.Run(Seconds);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {(only == 0 ? seed : only)}: {e.Message}", e);
            }

            committed += chaos.Checker.CommittedMax.Value;
            crashes += chaos.CrashCount;
            leaders += chaos.Checker.LeaderCount;
            reads += chaos.Checker.ReadCount;
            leases += chaos.Checker.LeaseTurnCount;
            snapshots += chaos.SnapshotCount;
            if (only != 0)
            {
                break;
            }
        }

        output.WriteLine(
            $"seeds {firstSeed}..{firstSeed + count - 1}: {committed} entries committed, {crashes} crashes, "
            + $"{leaders} leaders, {reads} reads answered, {leases} turns under a lease, {snapshots} snapshots");

        // A run in which nothing went wrong, or nothing went on, proves nothing.
        if (only == 0 && count >= 50)
        {
            Assert.True(crashes > (int)count && leaders > 2 * (int)count);
            Assert.True(committed > 100 * count && reads > (int)count);
            Assert.True(leases > 100 * (int)count && snapshots > 0);
        }
    }

    private static ulong Setting(string name, ulong otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text
            ? ulong.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;
}
