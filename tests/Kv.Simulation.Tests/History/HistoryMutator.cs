using System.Globalization;
using Kv.Base;
using Kv.Testing.History;

namespace Kv.Simulation.Tests.History;

/// <summary>Damages a history in one of the ways in which a store could be wrong. It may stay linearizable.</summary>
internal static class HistoryMutator
{
    /// <summary>Another history than the one given: a mutation that finds nothing to change is drawn again.</summary>
    public static HistoryOperation[] Mutate(HistoryOperation[] history, DeterministicRandom random)
    {
        HistoryOperation[] mutated;
        do
        {
            mutated = MutateOnce(history, random);
        }
        while (mutated.AsSpan().SequenceEqual(history));

        return mutated;
    }

    private static HistoryOperation[] MutateOnce(HistoryOperation[] history, DeterministicRandom random)
    {
        HistoryOperation[] mutated = [.. history];
        int i = random.Next(mutated.Length);
        int j = random.Next(mutated.Length);
        switch (random.Next(8))
        {
            case 0:
                SwapResults(mutated, i, j);
                break;
            case 1:
                ChangeSeen(mutated, i, random);
                break;
            case 2:
                ReturnBefore(mutated, i, j);
                break;
            case 3:
                mutated = [.. mutated.Where((_, place) => place != i)];
                break;
            case 4:
                ChangeRevision(mutated, i, random);
                break;
            case 5:
                ChangeStart(mutated, i, random);
                break;
            case 6:
                mutated[i] = mutated[i].IsRead
                    ? mutated[i]
                    : mutated[i] with { Result = null, ReturnTime = long.MaxValue };
                break;
            default:
                ChangeSuccess(mutated, i);
                break;
        }

        return mutated;
    }

    private static void SwapResults(HistoryOperation[] history, int i, int j)
    {
        if (history[i].Kind == history[j].Kind && history[i].Result is not null && history[j].Result is not null)
        {
            (history[i], history[j]) =
                (history[i] with { Result = history[j].Result }, history[j] with { Result = history[i].Result });
        }
    }

    private static void ChangeSeen(HistoryOperation[] history, int i, DeterministicRandom random)
    {
        if (history[i].Result is not { Seen: not null } result)
        {
            return;
        }

        bool found = random.Chance(0.8);
        string value = "v" + random.Next(4).ToString(CultureInfo.InvariantCulture);
        history[i] = history[i] with
        {
            Result = result with
            {
                Seen = new Observation(found, found && history[i].Kind is not OperationKind.Exists ? value : null),
            },
        };
    }

    private static void ReturnBefore(HistoryOperation[] history, int i, int j)
    {
        if (i == j || history[i].Result is null)
        {
            return;
        }

        long earlier = history[j].CallTime - 1;
        history[i] = history[i] with
        {
            CallTime = Math.Min(history[i].CallTime, earlier),
            ReturnTime = Math.Min(history[i].ReturnTime, earlier),
        };
    }

    private static void ChangeRevision(HistoryOperation[] history, int i, DeterministicRandom random)
    {
        if (history[i].Result is not { } result)
        {
            return;
        }

        int change = random.Chance(0.5) ? 1 : -1;
        history[i] = history[i] with
        {
            Result = result.Seen is { Found: true, Revision: > 0 } seen
                ? result with { Seen = seen with { Revision = Math.Max(1, seen.Revision + change) } }
                : result.Revision > 0
                    ? result with { Revision = Math.Max(1, result.Revision + change) }
                    : result,
        };
    }

    private static void ChangeStart(HistoryOperation[] history, int i, DeterministicRandom random)
    {
        if (history[i].Result is { Start: { } start } result)
        {
            history[i] = history[i] with
            {
                Result = result with { Start = Math.Max(0, start + random.Next(-2, 3)) },
            };
        }
    }

    private static void ChangeSuccess(HistoryOperation[] history, int i)
    {
        bool mayFail = history[i].Kind is OperationKind.PutIfAbsent || history[i].Expected is not null;
        if (mayFail && history[i].Result is { } result)
        {
            history[i] = history[i] with
            {
                Result = new OperationResult { Succeeded = !result.Succeeded, Seen = result.Seen },
            };
        }
    }
}
