using Kv.Base;

namespace Kv.Testing.History;

/// <summary>
/// Judges a history: whether all operations could have happened one after the other, each at one moment between its
/// call and its return, with the answers they had (<see cref="KvModel"/>). Deterministic: its budget is counted in
/// steps.
/// <para>
/// A history is linearizable if and only if that of each object is (Herlihy and Wing, 1990), so keys are judged one by
/// one, and a key's value and sequence as well. An instance keeps its memory from one check to the next and serves one
/// thread.
/// </para>
/// </summary>
public sealed class LinearizabilityChecker
{
    /// <summary>Some seconds, hundreds of times what a good history of 2,000 operations of ten clients needs.</summary>
    public const long StepsPerKeyDefault = 10_000_000;

    public const int WindowOperationsDefault = 2_000;

    private const int InvolvedMax = 30;
    private const int BeforeCulpritMax = 4;

    private readonly WindowSearch _search = new();
    private readonly long _stepsPerKeyMax;
    private readonly int _windowOperationsMin;

    /// <param name="stepsPerKeyMax">
    /// Budget for each search of a window; a bad one may be searched a dozen times.
    /// </param>
    /// <param name="windowOperationsMin">
    /// A history of one object is cut where no call is open except those of unknown outcome, at the earliest after this
    /// many operations; memory is bounded by a window, and all states that are possible at its end are carried on.
    /// </param>
    public LinearizabilityChecker(
        long stepsPerKeyMax = StepsPerKeyDefault, int windowOperationsMin = WindowOperationsDefault)
    {
        Invariant.Require(stepsPerKeyMax > 0 && windowOperationsMin > 0);
        _stepsPerKeyMax = stepsPerKeyMax;
        _windowOperationsMin = windowOperationsMin;
    }

    /// <summary>The verdict on the first bad key; else on the first undecided one.</summary>
    public LinearizabilityVerdict Check(IEnumerable<HistoryOperation> history)
    {
        LinearizabilityVerdict? undecided = null;
        long steps = 0;
        foreach (List<HistoryOperation> operations in ByObject(history))
        {
            LinearizabilityVerdict verdict = CheckObject(new ObjectHistory(operations), operations[0].Key);
            steps += verdict.Steps;
            if (verdict.Kind is VerdictKind.NotLinearizable)
            {
                return verdict with { Steps = steps };
            }

            undecided ??= verdict.Kind is VerdictKind.Undecided ? verdict : null;
        }

        return undecided ?? new LinearizabilityVerdict { Kind = VerdictKind.Linearizable, Steps = steps };
    }

    /// <summary>In the order of first appearance.</summary>
    internal static List<List<HistoryOperation>> ByObject(IEnumerable<HistoryOperation> history)
    {
        var objects = new List<List<HistoryOperation>>();
        var places = new Dictionary<(string, bool), int>();
        foreach (HistoryOperation operation in history)
        {
            bool isOrdered = operation.Result is null
                ? operation.ReturnTime == long.MaxValue
                : operation.ReturnTime >= operation.CallTime;
            Invariant.Require(isOrdered, $"times make no sense: {operation}");
            (string, bool) key = (operation.Key, operation.IsOfSequence);
            if (!places.TryGetValue(key, out int place))
            {
                place = objects.Count;
                places.Add(key, place);
                objects.Add([]);
            }

            objects[place].Add(operation);
        }

        return objects;
    }

    private LinearizabilityVerdict CheckObject(ObjectHistory history, string key)
    {
        IReadOnlyList<WindowStart> starts = [new WindowStart(KvModel.Initial, [])];
        List<int> ends = history.WindowEnds(_windowOperationsMin);
        int first = 0;
        long steps = 0;
        for (int i = 0; i < ends.Count; i++)
        {
            bool isLast = i == ends.Count - 1;
            _search.Begin(history, first, ends[i]);
            SearchEnd end = _search.Run(starts, findAll: !isLast, _stepsPerKeyMax);
            steps += _search.Steps;
            switch (end)
            {
                case SearchEnd.OutOfBudget:
                    return new LinearizabilityVerdict { Kind = VerdictKind.Undecided, Key = key, Steps = steps };
                case SearchEnd.NotFound:
                    return FindBadPrefix(history, first, ends[i], starts) with { Key = key, Steps = steps };
            }

            starts = [.. _search.Ends];
            first = ends[i];
        }

        return new LinearizabilityVerdict { Kind = VerdictKind.Linearizable, Steps = steps };
    }

    /// <summary>
    /// Prefixes of a linearizable history are linearizable, so the shortest bad one is found by halving; and the
    /// windows before this one are good.
    /// </summary>
    private LinearizabilityVerdict FindBadPrefix(
        ObjectHistory history, int first, int end, IReadOnlyList<WindowStart> starts)
    {
        int[] returned = Enumerable.Range(first, end - first).Where(i => !history.Model[i].IsUnknown)
            .OrderBy(i => history.ReturnRank[i]).ToArray();
        int good = 0;
        int bad = returned.Length;
        bool isShortest = true;
        while (bad - good > 1)
        {
            int middle = (good + bad) / 2;
            _search.Begin(history, first, end, history.ReturnRank[returned[middle - 1]]);
            SearchEnd found = _search.Run(starts, findAll: false, _stepsPerKeyMax);
            isShortest &= found is not SearchEnd.OutOfBudget;
            if (found is SearchEnd.NotFound)
            {
                bad = middle;
            }
            else
            {
                good = middle;
            }
        }

        int culprit = returned[bad - 1];
        int before = Enumerable.Range(0, first).Count(i => !history.Model[i].IsUnknown);
        return new LinearizabilityVerdict
        {
            Kind = VerdictKind.NotLinearizable,
            BadReturns = before + bad,
            IsShortest = isShortest,
            Culprit = history.Source[culprit],
            Involved = InvolvedIn(history, culprit),
        };
    }

    private static List<HistoryOperation> InvolvedIn(ObjectHistory history, int culprit)
    {
        int badRank = history.ReturnRank[culprit];
        int[] prefix = Enumerable.Range(0, history.Source.Length).Where(i => history.CallRank[i] < badRank).ToArray();
        int[] newest = prefix.Where(i => history.ReturnRank[i] < history.CallRank[culprit])
            .OrderByDescending(i => history.ReturnRank[i]).Take(BeforeCulpritMax).ToArray();
        ModelOperation told = history.Model[culprit];
        return prefix
            .Where(i => i == culprit || newest.Contains(i) || IsRelated(history.Model[i], told)
                || history.ReturnRank[i] > history.CallRank[culprit])
            .OrderByDescending(i => i == culprit).ThenByDescending(i => IsRelated(history.Model[i], told))
            .ThenByDescending(i => history.CallRank[i])
            .Take(InvolvedMax)
            .Order()
            .Select(i => history.Source[i])
            .ToList();
    }

    /// <summary>Whether an operation puts or sees what the culprit saw, expected or handed out.</summary>
    private static bool IsRelated(in ModelOperation operation, in ModelOperation culprit)
    {
        foreach (int value in (ReadOnlySpan<int>)[culprit.SeenValue, culprit.ExpectedValue])
        {
            if (value != 0 && (value == operation.Value || value == operation.SeenValue))
            {
                return true;
            }
        }

        foreach (long revision in (ReadOnlySpan<long>)[culprit.SeenRevision, culprit.ExpectedRevision])
        {
            if (revision != 0 && (revision == operation.Revision || revision == operation.SeenRevision))
            {
                return true;
            }
        }

        return culprit.Start >= 0 && culprit.Start == operation.Start;
    }
}
