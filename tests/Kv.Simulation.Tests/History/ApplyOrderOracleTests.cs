using Kv.Base;
using Kv.Testing.History;

namespace Kv.Simulation.Tests.History;

public sealed class ApplyOrderOracleTests
{
    [Fact]
    public void Check_GoodTableInALinearOrder_NothingWrong()
    {
        foreach ((string name, HistoryOperation[] history) in HistoryTable.Parse(GoodHistories.All))
        {
            IReadOnlyList<HistoryOperation> order = BruteForceOracle.Linearize(history)!;
            IReadOnlyList<string> problems = Judge(history, [.. order.Where(operation => !operation.IsRead)]);

            Assert.True(problems.Count == 0, $"{name}: {string.Join("; ", problems)}");
        }
    }

    [Fact]
    public void Check_BadTableInAnyOrder_Wrong()
    {
        int judged = 0;
        foreach ((string name, HistoryOperation[] history) in HistoryTable.Parse(BadHistories.All))
        {
            if (IsFullyTold(history))
            {
                judged++;
                Assert.False(IsExplainedBySomeOrder(history), name);
            }
        }

        Assert.True(judged >= 100, $"only {judged}");
    }

    /// <summary>Some order of apply is accepted exactly where brute force finds a linearization.</summary>
    [Fact]
    public void Check_MutatedHistoriesInAllOrders_AsBruteForce()
    {
        int bad = 0;
        int judged = 0;
        for (ulong seed = 0; seed < 4_000; seed++)
        {
            var random = new DeterministicRandom(seed);
            GeneratorOptions options = GeneratorOptions.Any(random, 3, 6) with { RevisionShare = random.Next(2) };
            HistoryOperation[] history = HistoryMutator.Mutate(
                new HistoryGenerator(random, options).Generate(), random);
            if (!IsFullyTold(history))
            {
                continue;
            }

            judged++;
            bool expected = BruteForceOracle.IsLinearizable(history);
            bad += expected ? 0 : 1;
            Assert.True(
                IsExplainedBySomeOrder(history) == expected,
                $"seed {seed}: brute force says {expected}\n{HistoryText.Print(history)}");
        }

        Assert.True(judged > 2_000, $"only {judged}");
        Assert.InRange(bad, judged / 5, judged * 4 / 5);
    }

    [Fact]
    public void Check_RealRegisterInItsOrder_NothingWrong()
    {
        for (ulong seed = 0; seed < 10_000; seed++)
        {
            (HistoryOperation[] history, List<AppliedWrite> applied) = Real(seed);
            IReadOnlyList<string> problems = Feed(history, applied);

            Assert.True(
                problems.Count == 0, $"seed {seed}: {string.Join("; ", problems)}\n{HistoryText.Print(history)}");
        }
    }

    /// <summary>Whatever is wrong in the order itself is told, with reads or without.</summary>
    [Theory]
    [InlineData("lost", "never took effect")]
    [InlineData("twice", "a second time")]
    [InlineData("late", "not between call and return")]
    [InlineData("early", "not between call and return")]
    [InlineData("invented", "nobody called it")]
    [InlineData("position", "position")]
    public void Check_DamagedOrder_Wrong(string damage, string expected)
    {
        int judged = 0;
        for (ulong seed = 0; seed < 1_000; seed++)
        {
            (HistoryOperation[] history, List<AppliedWrite> applied) = Real(seed);
            int victim = applied.FindIndex(write => history[write.OperationId].Result is { Succeeded: true });
            if (victim < 0)
            {
                continue;
            }

            judged++;
            Damage(history, applied, victim, damage);
            Assert.Contains(Feed(history, applied), problem => problem.Contains(expected, StringComparison.Ordinal));
        }

        Assert.True(judged > 800, $"only {judged}");
    }

    [Fact]
    public void Check_ApplyAnswersOtherThanTheModel_Wrong()
    {
        HistoryOperation[] history = HistoryText.Parse(
            "c1 put k x [0,5] -> ok r3; c1 cas k #3 y [6,?]; c1 delete k [7,9] -> ok r5");
        var oracle = new ApplyOrderOracle();
        oracle.OnApplied(new AppliedWrite(0, 1, 1, new OperationResult { Revision = 3 }));
        oracle.OnApplied(new AppliedWrite(1, 2, 7, new OperationResult { Succeeded = false }));
        oracle.OnApplied(new AppliedWrite(2, 3, 8, new OperationResult { Revision = 3 }));

        IReadOnlyList<string> problems = oracle.Check(history);

        Assert.Equal(2, problems.Count);
        Assert.Contains("apply answered 'c1 cas k #3 y [6,?] -> fail'", problems[0]);
        Assert.Contains("revision 3 of apply", problems[1]);
    }

    private static (HistoryOperation[] History, List<AppliedWrite> Applied) Real(ulong seed)
    {
        var random = new DeterministicRandom(seed);
        var generator = new HistoryGenerator(random, GeneratorOptions.Any(random, 5, 40));
        return (generator.Generate(), generator.Applied);
    }

    private static void Damage(HistoryOperation[] history, List<AppliedWrite> applied, int victim, string damage)
    {
        AppliedWrite write = applied[victim];
        HistoryOperation operation = history[write.OperationId];
        switch (damage)
        {
            case "lost":
                applied.RemoveAt(victim);
                break;
            case "twice":
                applied.Add(write with { Position = applied[^1].Position + 1, Time = applied[^1].Time });
                break;
            case "late":
                applied[victim] = write with { Time = operation.ReturnTime + 1 };
                break;
            case "early":
                applied[victim] = write with { Time = operation.CallTime - 1 };
                break;
            case "invented":
                applied.Add(write with { OperationId = history.Length });
                break;
            case "position":
                applied.Add(write);
                break;
        }
    }

    private static IReadOnlyList<string> Feed(HistoryOperation[] history, IEnumerable<AppliedWrite> applied)
    {
        var oracle = new ApplyOrderOracle();
        foreach (AppliedWrite write in applied)
        {
            oracle.OnApplied(write);
        }

        return oracle.Check(history);
    }

    /// <summary>
    /// Each write takes effect as early as the order and its call allow: later would explain no more answers.
    /// </summary>
    private static IReadOnlyList<string> Judge(HistoryOperation[] history, IReadOnlyList<HistoryOperation> order)
    {
        var applied = new List<AppliedWrite>();
        long time = long.MinValue;
        foreach (HistoryOperation operation in order)
        {
            time = Math.Max(time, operation.CallTime);
            applied.Add(new AppliedWrite(operation.Id, applied.Count, time));
        }

        return Feed(history, applied);
    }

    private static bool IsExplainedBySomeOrder(HistoryOperation[] history)
    {
        HistoryOperation[] writes = [.. history.Where(operation => !operation.IsRead)];
        return Explains(history, writes, new bool[writes.Length], []);
    }

    private static bool Explains(
        HistoryOperation[] history, HistoryOperation[] writes, bool[] used, List<HistoryOperation> order)
    {
        if (Judge(history, order).Count == 0)
        {
            return true;
        }

        for (int i = 0; i < writes.Length; i++)
        {
            if (used[i])
            {
                continue;
            }

            used[i] = true;
            order.Add(writes[i]);
            if (Explains(history, writes, used, order))
            {
                return true;
            }

            order.RemoveAt(order.Count - 1);
            used[i] = false;
        }

        return false;
    }

    /// <summary>The oracle is told every revision by apply; here it has only what clients were told.</summary>
    private static bool IsFullyTold(HistoryOperation[] history)
    {
        bool namesRevisions = history.Any(operation =>
            operation.Expected is { Kind: ExpectationKind.Revision }
            || operation.Result is { Revision: > 0 } or { Seen.Revision: > 0 });
        return !namesRevisions || history.All(operation =>
            operation.IsRead || operation.IsOfSequence || operation.Result is { Succeeded: false }
            || operation.Result is { Revision: > 0 });
    }
}
