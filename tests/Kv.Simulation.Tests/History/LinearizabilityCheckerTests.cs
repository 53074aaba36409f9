using System.Diagnostics;
using System.Globalization;
using Kv.Base;
using Kv.Testing.History;

namespace Kv.Simulation.Tests.History;

public sealed class LinearizabilityCheckerTests
{
    /// <summary>What brute force judges in a moment.</summary>
    private const int BruteForceMax = 8;

    private static readonly OperationKind[] AllKinds = Enum.GetValues<OperationKind>();

    public static TheoryData<string> GoodNames() => [.. HistoryTable.Parse(GoodHistories.All).Select(row => row.Name)];

    public static TheoryData<string> BadNames() => [.. HistoryTable.Parse(BadHistories.All).Select(row => row.Name)];

    [Fact]
    public void Tables_AtLeastHundredEachOfEveryKind()
    {
        foreach (string table in (string[])[GoodHistories.All, BadHistories.All])
        {
            IReadOnlyList<(string Name, HistoryOperation[] History)> rows = HistoryTable.Parse(table);

            Assert.True(rows.Count >= 100, $"only {rows.Count}");
            Assert.Equal(rows.Count, rows.Select(row => row.Name).Distinct().Count());
            Assert.Equal(
                AllKinds, rows.SelectMany(row => row.History).Select(operation => operation.Kind).Distinct().Order());
            Assert.All(rows, row => Assert.True(row.History.Length <= BruteForceMax, $"{row.Name} is too long"));
        }
    }

    [Theory]
    [MemberData(nameof(GoodNames))]
    public void Check_GoodHistory_Linearizable(string name)
    {
        HistoryOperation[] history = HistoryTable.Parse(GoodHistories.All).Single(row => row.Name == name).History;

        foreach (LinearizabilityChecker checker in Checkers())
        {
            Assert.True(checker.Check(history) is { IsLinearizable: true } verdict, checker.Check(history).ToString());
        }

        Assert.True(BruteForceOracle.IsLinearizable(history), "the table is wrong");
    }

    [Theory]
    [MemberData(nameof(BadNames))]
    public void Check_BadHistory_NotLinearizable(string name)
    {
        HistoryOperation[] history = HistoryTable.Parse(BadHistories.All).Single(row => row.Name == name).History;

        Assert.False(BruteForceOracle.IsLinearizable(history), "the table is wrong");
        foreach (LinearizabilityChecker checker in Checkers())
        {
            LinearizabilityVerdict verdict = checker.Check(history);

            Assert.Equal(VerdictKind.NotLinearizable, verdict.Kind);
            AssertShortest(history, verdict);
        }
    }

    /// <summary>10,000 histories that a register really had, from 5 to 60 operations.</summary>
    [Fact]
    public void Check_HistoriesOfARealRegister_AllLinearizable()
    {
        LinearizabilityChecker[] checkers = Checkers();
        foreach (ulong seed in Seeds())
        {
            var random = new DeterministicRandom(seed);
            HistoryOperation[] history =
                new HistoryGenerator(random, GeneratorOptions.Any(random, 5, 60)).Generate();
            foreach (LinearizabilityChecker checker in checkers)
            {
                LinearizabilityVerdict verdict = checker.Check(history);
                Assert.True(verdict.IsLinearizable, $"seed {seed}: {verdict}\n\n{HistoryText.Print(history)}");
            }
        }
    }

    /// <summary>
    /// 10,000 histories with one to three mutations: verdict and shortest bad prefix are those of brute force.
    /// </summary>
    [Fact]
    public void Check_MutatedHistories_AsBruteForce()
    {
        LinearizabilityChecker[] checkers = Checkers();
        int bad = 0;
        ulong[] seeds = Seeds();
        foreach (ulong seed in seeds)
        {
            HistoryOperation[] history = Mutated(seed);
            bool expected = BruteForceOracle.IsLinearizable(history);
            bad += expected ? 0 : 1;
            foreach (LinearizabilityChecker checker in checkers)
            {
                LinearizabilityVerdict verdict = checker.Check(history);
                Assert.True(
                    verdict.Kind == (expected ? VerdictKind.Linearizable : VerdictKind.NotLinearizable),
                    $"seed {seed}: brute force says {expected}, the checker {verdict}\n\n{HistoryText.Print(history)}");
                if (!expected)
                {
                    AssertShortest(history, verdict);
                }
            }
        }

        Assert.True(
            seeds.Length == 1 || (bad > seeds.Length / 5 && bad < seeds.Length * 4 / 5), $"{bad} of them are bad");
    }

    /// <summary>Up to 40 unknown writes on one key, long overlaps: decided, and quickly in steps.</summary>
    [Fact]
    public void Check_DozensOfUnknownWrites_FewSteps()
    {
        var checker = new LinearizabilityChecker();
        long worst = 0;
        for (ulong seed = 0; seed < 300; seed++)
        {
            var random = new DeterministicRandom(seed);
            var options = new GeneratorOptions
            {
                Operations = 400,
                Slack = 40,
                UnknownShare = 0.2,
                RevisionShare = seed % 3 * 0.5,
                SequenceShare = seed % 2 * 0.3,
            };
            HistoryOperation[] history = new HistoryGenerator(random, options).Generate();
            int unknown = history.Count(operation => operation.Outcome is OperationOutcome.Unknown);
            Assert.True(unknown > 20, $"only {unknown}");
            LinearizabilityVerdict verdict = checker.Check(history);
            Assert.True(verdict.IsLinearizable, $"seed {seed}: {verdict}");
            worst = Math.Max(worst, verdict.Steps);
        }

        Assert.True(worst < 2_000_000, $"{worst} steps");
    }

    [Fact]
    public void Check_BudgetUsedUp_UndecidedAndNamesTheKey()
    {
        HistoryOperation[] history = HistoryText.Parse(
            """
            c1 put k a [0,10] -> ok; c2 put k b [0,10] -> ok; c3 put k c [0,10] -> ok; c4 put k d [0,10] -> ok
            c1 get k [11,12] -> e
            """);

        LinearizabilityVerdict verdict = new LinearizabilityChecker(stepsPerKeyMax: 5).Check(history);

        Assert.Equal(VerdictKind.Undecided, verdict.Kind);
        Assert.False(verdict.IsLinearizable);
        Assert.Equal("k", verdict.Key);
        Assert.Equal(VerdictKind.NotLinearizable, new LinearizabilityChecker().Check(history).Kind);
    }

    /// <summary>A bad key is told even where another one is undecided.</summary>
    [Fact]
    public void Check_OneKeyUndecidedAnotherBad_Bad()
    {
        HistoryOperation[] history = HistoryText.Parse(
            """
            c1 put a a [0,10] -> ok; c2 put a b [0,10] -> ok; c3 put a c [0,10] -> ok; c1 get a [11,12] -> e
            c1 get b [0,1] -> x
            """);

        LinearizabilityVerdict verdict = new LinearizabilityChecker(stepsPerKeyMax: 3).Check(history);

        Assert.Equal(VerdictKind.NotLinearizable, verdict.Kind);
        Assert.Equal("b", verdict.Key);
    }

    [Fact]
    public void Check_BadHistory_VerdictNamesCulpritAndWhoPutItsValue()
    {
        HistoryOperation[] history = HistoryText.Parse(
            """
            c1 put k w [0,1] -> ok
            c1 put k x [2,3] -> ok; c1 put k y [4,5] -> ok; c2 put k z [6,40] -> ok
            c3 get k [10,12] -> y
            c3 get k [14,16] -> x
            c3 get k [50,52] -> w
            """);

        LinearizabilityVerdict verdict = new LinearizabilityChecker().Check(history);

        Assert.Equal(5, verdict.BadReturns);
        Assert.Equal(5, verdict.Culprit?.Id);
        Assert.Contains("> c3 get k [14,16] -> x\n", verdict.ToString());
        Assert.Contains("c1 put k x [2,3] -> ok\n", verdict.ToString());
        Assert.DoesNotContain(verdict.Involved, operation => operation.CallTime > 16);
    }

    /// <summary>Windows carry all states that are possible, so where one is cut changes no verdict.</summary>
    [Fact]
    public void Check_LongHistoryInWindows_AsInOne()
    {
        var whole = new LinearizabilityChecker(windowOperationsMin: int.MaxValue);
        int bad = 0;
        for (ulong seed = 0; seed < 1_000; seed++)
        {
            var random = new DeterministicRandom(seed);
            var options = new GeneratorOptions
            {
                Operations = 100,
                Slack = 5 + random.Next(20),
                UnknownShare = random.Next(3) * 0.05,
                RevisionShare = random.Next(3) * 0.5,
                ValuesCount = random.Next(2) * 5,
            };
            HistoryOperation[] history = new HistoryGenerator(random, options).Generate();
            history = HistoryMutator.Mutate(history, random);
            LinearizabilityVerdict one = whole.Check(history);
            LinearizabilityVerdict many =
                new LinearizabilityChecker(windowOperationsMin: random.Next(1, 30)).Check(history);

            Assert.True(one.Kind == many.Kind, $"seed {seed}: {one}\nin windows: {many}");
            Assert.Equal(one.BadReturns, many.BadReturns);
            Assert.Equal(one.Culprit, many.Culprit);
            bad += one.IsLinearizable ? 0 : 1;
        }

        Assert.InRange(bad, 100, 900);
    }

    [Fact]
    public void Check_SameHistoryTwice_SameSteps()
    {
        HistoryOperation[] history = Million(seed: 5, operations: 20_000);

        Assert.Equal(
            new LinearizabilityChecker().Check(history).Steps, new LinearizabilityChecker().Check(history).Steps);
    }

    /// <summary>Prints how long a million operations take; run it by name when the checker changes.</summary>
    [Theory(Explicit = true)]
    [InlineData(1.0, 0.01, false)]
    [InlineData(0.0, 0.01, false)]
    [InlineData(0.0, 0.05, false)]
    [InlineData(0.5, 0.05, false)]
    [InlineData(1.0, 0.01, true)]
    [InlineData(0.0, 0.01, true)]
    public void Check_MillionOperations_PrintsFigures(double revisionShare, double unknownShare, bool isBad)
    {
        HistoryOperation[] history = Million(seed: 7, operations: 1_000_000, revisionShare, unknownShare);
        if (isBad)
        {
            int last = Array.FindLastIndex(
                history, operation => operation.Kind is OperationKind.Get && operation.Id < history.Length - 1_000);
            history[last] = history[last] with
            {
                Result = new OperationResult { Seen = new Observation(true, "nobody's") },
            };
        }

        long memory = GC.GetTotalMemory(forceFullCollection: true);
        long started = Stopwatch.GetTimestamp();
        var checker = new LinearizabilityChecker();
        LinearizabilityVerdict verdict = checker.Check(history);
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        long kept = GC.GetTotalMemory(forceFullCollection: true) - memory;
        GC.KeepAlive(checker);
        GC.KeepAlive(history);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{history.Length} operations, {verdict.Kind}: {time.TotalSeconds:F1} s, {verdict.Steps} steps, "
            + $"{kept >> 10} KiB kept, {history.Count(operation => operation.Result is null)} unknown"));
    }

    /// <summary>Keys of 2,000 operations, about ten of them open at a time.</summary>
    private static HistoryOperation[] Million(
        ulong seed, int operations, double revisionShare = 1, double unknownShare = 0.01)
    {
        var history = new List<HistoryOperation>();
        var random = new DeterministicRandom(seed);
        var options = new GeneratorOptions
        {
            Operations = 2_000,
            Slack = 90,
            UnknownShare = unknownShare,
            RevisionShare = revisionShare,
            SequenceShare = 0.1,
        };
        for (int key = 0; history.Count < operations; key++)
        {
            string name = "k" + key.ToString(CultureInfo.InvariantCulture);
            foreach (HistoryOperation operation in new HistoryGenerator(random, options).Generate())
            {
                history.Add(operation with { Id = history.Count, Key = name });
            }
        }

        return [.. history];
    }

    /// <summary>KV_SEED=n judges one history, KV_SEEDS=n as many from the first on.</summary>
    private static ulong[] Seeds()
    {
        if (Environment.GetEnvironmentVariable("KV_SEED") is { Length: > 0 } one)
        {
            return [ulong.Parse(one, CultureInfo.InvariantCulture)];
        }

        string count = Environment.GetEnvironmentVariable("KV_SEEDS") is { Length: > 0 } many ? many : "10000";
        return [.. Enumerable.Range(0, int.Parse(count, CultureInfo.InvariantCulture)).Select(seed => (ulong)seed)];
    }

    private static HistoryOperation[] Mutated(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        HistoryOperation[] history = new HistoryGenerator(random, GeneratorOptions.Any(random, 3, 7)).Generate();
        for (int count = random.Next(1, 4); count > 0 && history.Length > 0; count--)
        {
            history = HistoryMutator.Mutate(history, random);
        }

        return history;
    }

    private static LinearizabilityChecker[] Checkers() =>
        [new(), new(windowOperationsMin: 1), new(windowOperationsMin: 3)];

    /// <summary>The prefix counts returns of the bad object, in the order of time.</summary>
    private static void AssertShortest(HistoryOperation[] history, LinearizabilityVerdict verdict)
    {
        HistoryOperation[] ofObject =
        [
            .. history.Where(operation => operation.Key == verdict.Key
                && operation.IsOfSequence == verdict.Culprit!.IsOfSequence),
        ];
        Assert.True(verdict.IsShortest);
        int shortest = BruteForceOracle.ShortestBadPrefix(ofObject);
        Assert.True(
            shortest == verdict.BadReturns, $"shortest is {shortest}: {verdict}\n\n{HistoryText.Print(history)}");
        HistoryOperation culprit = ofObject.Where(operation => operation.Result is not null)
            .OrderBy(operation => operation.ReturnTime).ThenBy(operation => operation.CallTime)
            .ThenBy(operation => operation.Id).ElementAt(shortest - 1);
        Assert.Equal(culprit, verdict.Culprit);
    }
}
