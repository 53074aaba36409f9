namespace Kv.Testing.History;

/// <summary>
/// The operations of one object (the value, or the sequence, of one key), in the order of their calls, with the places
/// of calls and returns among all events. Where a call and a return have one time, the call stands first: then the two
/// operations count as concurrent, which can only make the checker more lenient.
/// <para>
/// Reads without an answer say nothing and are left out. So are writes of unknown outcome that no answer can have
/// needed (<see cref="CanBeLeftOut"/>).
/// </para>
/// </summary>
internal sealed class ObjectHistory
{
    private readonly List<int> _unknowns = [];

    public ObjectHistory(IEnumerable<HistoryOperation> operations)
    {
        Source = operations
            .Where(operation => operation.Outcome is OperationOutcome.Ok || !operation.IsRead)
            .OrderBy(operation => operation.CallTime).ThenBy(operation => operation.Id).ToArray();
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        Model = new ModelOperation[Source.Length];
        bool namesRevisions = false;
        for (int i = 0; i < Source.Length; i++)
        {
            Model[i] = ModelOperation.From(Source[i], ids);
            namesRevisions |= Model[i].NamesRevision;
        }

        Rules = new KvModel(namesRevisions);
        CallRank = new int[Source.Length];
        ReturnRank = new int[Source.Length];
        RankEvents();
        for (int i = 0; i < Source.Length; i++)
        {
            if (Model[i].IsUnknown)
            {
                _unknowns.Add(i);
            }
        }

        MergeUnnamed(ids.Count);
        LeaveOutUnneeded(ids.Count);
        IsPutOnce = new bool[ids.Count + 2];
        foreach (IGrouping<int, ModelOperation> puts in Model.GroupBy(operation => operation.Value))
        {
            IsPutOnce[puts.Key] = puts.Key != 0 && puts.Count() == 1;
        }
    }

    public KvModel Rules { get; }

    public HistoryOperation[] Source { get; }

    public ModelOperation[] Model { get; }

    public int[] CallRank { get; }

    /// <summary><see cref="int.MaxValue"/> for a write of unknown outcome.</summary>
    public int[] ReturnRank { get; }

    /// <summary>By id of value: whether a single operation puts it.</summary>
    public bool[] IsPutOnce { get; }

    /// <summary>
    /// Writes of unknown outcome that may matter, by place in <see cref="Source"/>; each has a slot here.
    /// </summary>
    public IReadOnlyList<int> Unknowns => _unknowns;

    /// <summary>
    /// Where windows end (exclusive): at points with no call open but those of unknown outcome, each at least
    /// <paramref name="operationsMin"/> after the one before. The last one is the end of the history.
    /// </summary>
    public List<int> WindowEnds(int operationsMin)
    {
        var ends = new List<int>();
        int start = 0;
        int lastReturn = -1;
        for (int i = 0; i < Source.Length; i++)
        {
            if (i - start >= operationsMin && CallRank[i] > lastReturn)
            {
                ends.Add(i);
                start = i;
            }

            lastReturn = Model[i].IsUnknown ? lastReturn : Math.Max(lastReturn, ReturnRank[i]);
        }

        ends.Add(Source.Length);
        return ends;
    }

    private void RankEvents()
    {
        int[] returns = Enumerable.Range(0, Source.Length).Where(i => !Model[i].IsUnknown)
            .OrderBy(i => Source[i].ReturnTime).ThenBy(i => i).ToArray();
        int rank = 0;
        int returned = 0;
        for (int i = 0; i < Source.Length; i++)
        {
            while (returned < returns.Length && Source[returns[returned]].ReturnTime < Source[i].CallTime)
            {
                ReturnRank[returns[returned++]] = rank++;
            }

            CallRank[i] = rank++;
            ReturnRank[i] = int.MaxValue;
        }

        while (returned < returns.Length)
        {
            ReturnRank[returns[returned++]] = rank++;
        }
    }

    /// <summary>
    /// Values that no answer and no expectation names become one: nothing can tell them apart, as values are only
    /// compared with named ones. So states that differ in them alone are one, and unknown puts of them are twins.
    /// </summary>
    private void MergeUnnamed(int valuesCount)
    {
        var named = new bool[valuesCount + 1];
        foreach (ModelOperation operation in Model)
        {
            named[operation.SeenValue] = true;
            named[operation.ExpectedValue] = true;
        }

        for (int i = 0; i < Model.Length; i++)
        {
            if (Model[i].Value != 0 && !named[Model[i].Value])
            {
                Model[i] = Model[i] with { Value = valuesCount + 1 };
            }
        }
    }

    private void LeaveOutUnneeded(int valuesCount)
    {
        if (!CanBeLeftOut())
        {
            return;
        }

        // Leaving out a compare-and-put takes away what it expects too, so look again until nothing changes.
        int before;
        do
        {
            before = _unknowns.Count;
            var named = new bool[valuesCount + 2];
            var kept = new HashSet<int>(_unknowns);
            for (int i = 0; i < Model.Length; i++)
            {
                if (!Model[i].IsUnknown || kept.Contains(i))
                {
                    named[Model[i].SeenValue] = true;
                    named[Model[i].ExpectedValue] = true;
                }
            }

            _unknowns.RemoveAll(i => Model[i].Value != 0 && !named[Model[i].Value]);
        }
        while (_unknowns.Count < before);
    }

    /// <summary>
    /// Whether writes of unknown outcome may be left out when no answer and no expectation names what they put.
    /// <para>
    /// Proof. Take a linearization in which such a write U of value v takes effect, and the operations between U and
    /// the next write q that takes effect. None of them is there, because each would be accepted in a state of value v
    /// and change nothing: a read or a failed condition that tells its value tells v (but none does), one that tells
    /// absence is not accepted, and those that tell neither, or "found" alone, are what this method rules out. And q
    /// is accepted without U: an unconditional write always is (its answer does not tell v); a put-if-absent or an
    /// answer that tells absence cannot be q; an expectation of a value is not of v; expectations of revisions are
    /// ruled out here. So U can be taken out: q then follows what was before U, with fewer bounds on its revision.
    /// </para>
    /// <para>
    /// The same holds for every prefix of the history, in which answers are missing but none is added.
    /// </para>
    /// </summary>
    private bool CanBeLeftOut()
    {
        foreach (ModelOperation operation in Model)
        {
            bool tellsTooLittle = operation.TellsSeen
                ? operation.SeenFound && operation.SeenValue == 0
                : !operation.IsUnknown && !operation.Succeeded;
            if (operation.Expects is ExpectationKind.Revision || tellsTooLittle)
            {
                return false;
            }
        }

        return true;
    }
}
