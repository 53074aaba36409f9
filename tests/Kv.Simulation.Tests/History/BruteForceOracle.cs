// Owns the slow judgement that the fast ones are compared with: every order, every choice, nothing remembered, nothing
// left out. It shares no rule with the checker: states are concrete, and a revision that nobody was told is guessed
// from all that are possible.
using Kv.Testing.History;

namespace Kv.Simulation.Tests.History;

internal sealed class BruteForceOracle
{
    private readonly HistoryOperation[] _operations;
    private readonly bool[] _done;
    private readonly List<HistoryOperation> _order = [];
    private readonly Dictionary<string, Register> _registers = [];
    private readonly long _revisionMax;

    private BruteForceOracle(HistoryOperation[] operations)
    {
        _operations = operations;
        _done = new bool[operations.Length];
        foreach (HistoryOperation operation in operations)
        {
            _registers[operation.Key] = new Register(null, 0, 0);
            _revisionMax = Math.Max(_revisionMax, RevisionsOf(operation).Max());
        }

        _revisionMax = _revisionMax == 0 ? 0 : _revisionMax + operations.Length;
    }

    /// <summary>
    /// One order that explains the history, without the unknown writes that never took effect; or null.
    /// </summary>
    public static IReadOnlyList<HistoryOperation>? Linearize(IEnumerable<HistoryOperation> history)
    {
        var oracle = new BruteForceOracle([.. history]);
        return oracle.Search() ? oracle._order : null;
    }

    public static bool IsLinearizable(IEnumerable<HistoryOperation> history) => Linearize(history) is not null;

    /// <summary>
    /// The smallest number of returns after which no order explains what has happened; 0 = all is well.
    /// </summary>
    public static int ShortestBadPrefix(HistoryOperation[] history)
    {
        HistoryOperation[] returns = [.. history.Where(operation => operation.Result is not null)
            .OrderBy(operation => operation.ReturnTime).ThenBy(operation => operation.CallTime)
            .ThenBy(operation => operation.Id)];
        for (int count = 1; count <= returns.Length; count++)
        {
            var returned = returns[..count].Select(operation => operation.Id).ToHashSet();
            long now = returns[count - 1].ReturnTime;
            IEnumerable<HistoryOperation> prefix = history.Where(operation => operation.CallTime <= now)
                .Where(operation => returned.Contains(operation.Id) || !operation.IsRead)
                .Select(operation => returned.Contains(operation.Id)
                    ? operation
                    : operation with { ReturnTime = long.MaxValue, Result = null });
            if (!IsLinearizable(prefix))
            {
                return count;
            }
        }

        return 0;
    }

    private bool Search()
    {
        if (!_operations.Where((operation, i) => !_done[i] && operation.Result is not null).Any())
        {
            return true;
        }

        for (int i = 0; i < _operations.Length; i++)
        {
            if (!_done[i] && MayComeNext(_operations[i]) && TryAll(i))
            {
                return true;
            }
        }

        return false;
    }

    private bool MayComeNext(HistoryOperation operation) =>
        !_operations.Where((other, i) => !_done[i] && other.ReturnTime < operation.CallTime).Any();

    private bool TryAll(int i)
    {
        HistoryOperation operation = _operations[i];
        Register before = _registers[operation.Key];
        _done[i] = true;
        _order.Add(operation);
        foreach (Register after in Outcomes(operation, before))
        {
            _registers[operation.Key] = after;
            if (Search())
            {
                return true;
            }
        }

        _registers[operation.Key] = before;
        _order.RemoveAt(_order.Count - 1);
        _done[i] = false;
        return false;
    }

    /// <summary>What the register may be like afterwards, if the answer is one that it can give now.</summary>
    private IEnumerable<Register> Outcomes(HistoryOperation operation, Register now)
    {
        OperationResult? result = operation.Result;
        if (operation.IsOfSequence)
        {
            bool fits = operation.Kind is OperationKind.SequenceReset || operation.Number <= long.MaxValue - now.Next;
            bool told = result is null || ((result.Start ?? now.Next) == now.Next && result.Succeeded == fits);
            long next = operation.Kind is OperationKind.SequenceReset ? operation.Number
                : fits ? now.Next + operation.Number : now.Next;
            return told ? [now with { Next = next }] : [];
        }

        if (result?.Seen is { } seen
            && (seen.Found != now.Value is not null
                || (seen.Value is not null && seen.Value != now.Value)
                || (seen.Found && seen.Revision != 0 && seen.Revision != now.Revision)))
        {
            return [];
        }

        bool holds = operation.Kind is OperationKind.PutIfAbsent
            ? now.Value is null
            : operation.Expected is not { } expected || expected.Kind switch
            {
                ExpectationKind.Absent => now.Value is null,
                ExpectationKind.Value => now.Value == expected.Value,
                _ => now.Value is not null && now.Revision == expected.Revision,
            };
        if (result is not null && result.Succeeded != holds)
        {
            return [];
        }

        return operation.IsRead || !holds ? [now] : Written(operation, now);
    }

    private IEnumerable<Register> Written(HistoryOperation operation, Register now)
    {
        if (_revisionMax == 0)
        {
            return [now with { Value = operation.Value }];
        }

        long told = operation.Result?.Revision ?? 0;
        long first = told == 0 ? now.Revision + 1 : told;
        long last = told == 0 ? _revisionMax : told;
        var registers = new List<Register>();
        for (long revision = first; revision <= last && revision > now.Revision; revision++)
        {
            registers.Add(now with { Value = operation.Value, Revision = revision });
        }

        return registers;
    }

    private static long[] RevisionsOf(HistoryOperation operation) =>
        [operation.Result?.Revision ?? 0, operation.Result?.Seen?.Revision ?? 0, operation.Expected?.Revision ?? 0];

    private sealed record Register(string? Value, long Revision, long Next);
}
