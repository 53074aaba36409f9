// Owns the judgement of a run's whole history by two checkers that share no code: a search for a linearization, which
// knows only what clients saw, and a replay of the order in which writes took effect.
using System.Globalization;
using Kv.Base;
using Kv.Simulation.Workload;
using Kv.Testing.History;

namespace Kv.Simulation.Checks;

/// <summary>Turns what clients did into histories of single keys and has them judged.</summary>
public static class HistoryJudge
{
    /// <summary>Operations on single keys that were judged.</summary>
    public static long Run(IReadOnlyList<SimOperation> operations, bool lie, Action<string> problem)
    {
        List<HistoryOperation> history = Convert(operations, out List<AppliedWrite> applied);
        if (lie)
        {
            Lie(history);
        }

        LinearizabilityVerdict verdict = new LinearizabilityChecker().Check(history);
        if (verdict.Kind != VerdictKind.Linearizable)
        {
            problem($"the history is not linearizable: {verdict}");
        }

        var oracle = new ApplyOrderOracle();
        applied.Sort(static (a, b) => a.Time != b.Time ? a.Time.CompareTo(b.Time) : a.Position.CompareTo(b.Position));
        foreach (AppliedWrite write in applied)
        {
            oracle.OnApplied(write);
        }

        foreach (string what in oracle.Check(history))
        {
            problem($"the history does not follow the order of apply: {what}");
        }

        return history.Count;
    }

    private static List<HistoryOperation> Convert(
        IReadOnlyList<SimOperation> operations, out List<AppliedWrite> applied)
    {
        var history = new List<HistoryOperation>(operations.Count);
        applied = [];
        long id = 0;
        foreach (SimOperation operation in operations)
        {
            foreach (SimPart part in operation.Parts)
            {
                // Reads that told nothing prove nothing; what was called failed has no effect, which is checked
                // elsewhere.
                bool proves = operation.IsWrite ? part.Outcome != SimOutcome.Failed : part.Outcome == SimOutcome.Ok;
                if (!proves || part.IsLeftOut)
                {
                    continue;
                }

                history.Add(Convert(++id, operation, part));
                if (part.Effect is { IsDecided: true, Result: not null })
                {
                    applied.Add(new AppliedWrite(
                        id, (long)part.Effect.Position, part.Effect.At.Nanoseconds, part.Effect.Result));
                }
            }
        }

        return history;
    }

    private static HistoryOperation Convert(long id, SimOperation operation, SimPart part)
    {
        bool told = part.Outcome is SimOutcome.Ok or SimOutcome.Refused;
        return new HistoryOperation
        {
            Id = id,
            Client = operation.Client,
            Key = part.Key.ToString(CultureInfo.InvariantCulture),
            Kind = part.Kind,
            Value = part.Value,
            Expected = part.Expected,
            Number = part.Number,
            CallTime = operation.CalledAt.Nanoseconds,
            ReturnTime = told ? operation.EndedAt.Nanoseconds : long.MaxValue,
            Result = told
                ? new OperationResult
                {
                    Succeeded = part.Outcome == SimOutcome.Ok,
                    Revision = part.Outcome == SimOutcome.Ok ? (long)part.Revision : 0,
                    Seen = part.Seen,
                    Start = part.Start,
                }
                : null,
        };
    }

    /// <summary>
    /// The canary: the newest read that saw a value is made to have seen the one before it. Whoever does not sing now
    /// is dead.
    /// </summary>
    private static void Lie(List<HistoryOperation> history)
    {
        for (int i = history.Count - 1; i >= 0; i--)
        {
            HistoryOperation read = history[i];
            if (read.Kind != OperationKind.Get || read.Result?.Seen is not { Found: true } seen)
            {
                continue;
            }

            HistoryOperation? older = history.LastOrDefault(operation => operation.Key == read.Key
                && operation.Kind == OperationKind.Put && operation.Value != seen.Value
                && operation.ReturnTime < read.CallTime);
            if (older is not null)
            {
                history[i] = read with
                {
                    Result = new OperationResult { Seen = new Observation(true, older.Value, older.Result!.Revision) },
                };
                return;
            }
        }

        Invariant.Require(false, "no read to lie about");
    }
}
