// Owns the search for a linearization of one window of one object: the search of Wing and Gong ("Testing and verifying
// concurrent objects", 1993), which remembers the configurations it has been in as Lowe has it ("Testing for
// linearizability", 2017).
//
// A configuration is the set of linearized operations and the state. From it, an operation may be linearized next when
// it was called before the first return that is still in the list, and the model accepts it. Where this search differs
// from the plain one, each difference loses no verdict:
//
// 1. Ends. The search ends when all operations with an answer are linearized; a write of unknown outcome ("an
//    unknown") that is left over never took effect.
// 2. Reads first. An operation that cannot change the state, and is accepted in the state as it is, is linearized
//    at once and without an alternative. Proof: in any linearization from here it can be moved to the front. All
//    that must come before it has returned before its call, hence is linearized already, and it changes nothing for
//    the others. (A read that narrows the possible revisions changes the state in this sense, and is an alternative
//    like a write.)
// 3. Unknowns only where needed. An operation q that follows an unknown U directly is tried only if leaving U out
//    would not do as well: if q is accepted in the state before U and leads to a state that covers the one with U
//    (KvState), q is skipped. An unknown whose own state is covered by the one before it is skipped too. Proof: of
//    the linearizations from a configuration, take one with the fewest unknowns. If it had such a U q, U could be
//    taken out: U has no return, so nothing waits for it, and what follows is accepted in the covering state. So it
//    has none. Reads first moves operations and removes none, so it keeps the number of unknowns. What may follow
//    an unknown depends on the state before it, so that state is part of the cached configuration.
// 4. Twins. Of unknowns with equal inputs, the one called first is used first. Proof: once both are called, both
//    may come at any later point, so they can change places in any linearization, and the number of unknowns stays.
// 5. Readers first. A value that only one operation puts never comes back. So while operations with an answer that
//    names it as what they found are left over, it is not overwritten, except by the last of them.
// 6. Revisions rise. The least revision that is possible never falls from one state to the next. So a state in
//    which it is above what an operation with an answer, still left over, can be accepted at, is not entered.
using System.Runtime.InteropServices;

namespace Kv.Testing.History;

internal enum SearchEnd
{
    Found,
    NotFound,
    OutOfBudget,
}

/// <summary>
/// Where a window begins: a state that is possible there, and the unknowns used so far (bits by slot).
/// </summary>
internal sealed record WindowStart(KvState State, ulong[] Used);

internal sealed class WindowSearch
{
    private readonly EventList _list = new();
    private readonly OperationSet _done = new();
    private readonly OperationSet _used = new();
    private readonly ConfigurationCache _cache = new();
    private readonly Dictionary<KvState, int> _stateIds = [];
    private readonly List<KvState> _states = [];
    private readonly List<ModelOperation> _known = [];
    private readonly List<int> _knownCalls = [];
    private readonly List<int> _knownReturns = [];
    private readonly List<int> _knownReads = [];
    private readonly List<ModelOperation> _unknown = [];
    private readonly List<int> _unknownCalls = [];
    private readonly List<int> _twins = [];
    private readonly Dictionary<ModelOperation, int> _newestTwin = [];
    private readonly Stack<Frame> _frames = new();
    private readonly List<WindowStart> _ends = [];
    private KvModel _rules = new(tracksRevisions: false);
    private ulong[] _key = [];
    private int[] _readersLeft = [];
    private int[] _byRevision = [];
    private int[] _placeByRevision = [];
    private int _lowestLeft;
    private int _left;
    private int _state;
    private int _before;

    /// <summary>Candidates tried since <see cref="Begin"/>.</summary>
    public long Steps { get; private set; }

    /// <summary>
    /// After a search for all: the configurations at the window's end, without those that others cover.
    /// </summary>
    public IReadOnlyList<WindowStart> Ends => _ends;

    private int UnknownBits => _unknown.Count;

    /// <summary>
    /// Takes operations [first, end) of the history, and the unknowns called before the end. Only the returns up to
    /// <paramref name="returnRankMax"/> count: what is open then is of unknown outcome.
    /// </summary>
    public void Begin(ObjectHistory history, int first, int end, int returnRankMax = int.MaxValue)
    {
        Steps = 0;
        _rules = history.Rules;
        Clear();
        _readersLeft = new int[history.IsPutOnce.Length];
        foreach (int i in history.Unknowns)
        {
            AddUnknown(history.Model[i], i < end ? history.CallRank[i] : int.MaxValue);
        }

        for (int i = first; i < end; i++)
        {
            if (history.Model[i].IsUnknown)
            {
                continue;
            }

            if (history.ReturnRank[i] <= returnRankMax)
            {
                _known.Add(history.Model[i]);
                _knownReads.Add(history.IsPutOnce[history.Model[i].Found] ? history.Model[i].Found : 0);
                _knownCalls.Add(history.CallRank[i]);
                _knownReturns.Add(history.ReturnRank[i]);
            }
            else if (!history.Source[i].IsRead)
            {
                AddUnknown(history.Model[i].WithoutAnswer(), history.CallRank[i]);
            }
        }

        LinkTwins();
        SortByRevision();
    }

    /// <summary>Searches from each start in turn until one linearization is found, or all ends if asked to.</summary>
    public SearchEnd Run(IReadOnlyList<WindowStart> starts, bool findAll, long stepsMax)
    {
        var result = SearchEnd.NotFound;
        foreach (WindowStart start in starts)
        {
            SearchEnd end = RunFrom(start, findAll, stepsMax);
            if (end is SearchEnd.OutOfBudget || (end is SearchEnd.Found && !findAll))
            {
                return end;
            }

            result = end is SearchEnd.Found ? end : result;
        }

        return result;
    }

    private void Clear()
    {
        _cache.Clear();
        _stateIds.Clear();
        _states.Clear();
        _known.Clear();
        _knownCalls.Clear();
        _knownReturns.Clear();
        _knownReads.Clear();
        _unknown.Clear();
        _unknownCalls.Clear();
        _ends.Clear();
    }

    private void AddUnknown(in ModelOperation operation, int callRank)
    {
        _unknown.Add(operation);
        _unknownCalls.Add(callRank);
    }

    private void LinkTwins()
    {
        _newestTwin.Clear();
        CollectionsMarshal.SetCount(_twins, _unknown.Count);
        foreach (int slot in Enumerable.Range(0, _unknown.Count).OrderBy(slot => _unknownCalls[slot]))
        {
            _twins[slot] = _newestTwin.GetValueOrDefault(_unknown[slot], -1);
            _newestTwin[_unknown[slot]] = slot;
        }
    }

    private void SortByRevision()
    {
        _byRevision = [.. Enumerable.Range(0, _known.Count).OrderBy(i => _known[i].RevisionMax)];
        _placeByRevision = new int[_known.Count];
        for (int place = 0; place < _byRevision.Length; place++)
        {
            _placeByRevision[_byRevision[place]] = place;
        }
    }

    /// <summary>
    /// Whether the state leaves room for the revisions that are still to come, the operation's aside.
    /// </summary>
    private bool LeavesRoom(in KvState state, int operation)
    {
        int place = _lowestLeft;
        while (place < _byRevision.Length && (_done.Contains(_byRevision[place]) || _byRevision[place] == operation))
        {
            if (place == _lowestLeft && _done.Contains(_byRevision[place]))
            {
                _lowestLeft++;
            }

            place++;
        }

        return place == _byRevision.Length || state.Revision <= _known[_byRevision[place]].RevisionMax;
    }

    private void Reset(WindowStart start)
    {
        _lowestLeft = 0;
        _list.Fill(CollectionsMarshal.AsSpan(_knownCalls), CollectionsMarshal.AsSpan(_knownReturns));
        _done.Clear(_known.Count);
        _used.Clear(UnknownBits);
        for (int slot = 0; slot < UnknownBits && slot >> 6 < start.Used.Length; slot++)
        {
            if ((start.Used[slot >> 6] >> (slot & 63) & 1) != 0)
            {
                _used.Add(slot);
            }
        }

        int keyWords = _done.KeyWordsMax + _used.KeyWordsMax + 1;
        _key = _key.Length < keyWords ? new ulong[keyWords] : _key;
        _frames.Clear();
        Array.Clear(_readersLeft);
        foreach (int value in _knownReads)
        {
            _readersLeft[value] += value == 0 ? 0 : 1;
        }

        _left = _known.Count;
        _state = IdOf(start.State);
        _before = -1;
    }

    private SearchEnd RunFrom(WindowStart start, bool findAll, long stepsMax)
    {
        Reset(start);
        var result = SearchEnd.NotFound;
        while (true)
        {
            LinearizeReads();
            int candidate = _list.First;
            if (!AddToCache())
            {
                candidate = -1;
            }
            else if (_left == 0)
            {
                result = SearchEnd.Found;
                if (!findAll)
                {
                    return result;
                }

                AddEnd();
                candidate = -1;
            }

            while (candidate < 0 || !TryFrom(candidate))
            {
                if (Steps > stepsMax || _cache.IsFull)
                {
                    return SearchEnd.OutOfBudget;
                }

                if (!TryGoBack(out candidate))
                {
                    return result;
                }
            }
        }
    }

    /// <summary>Rule 2. One pass is enough: what was not accepted is not accepted after a read either.</summary>
    private void LinearizeReads()
    {
        KvState state = _states[_state];
        int last = 0;
        for (int place = _list.First; place != 0 && _list.IsCall(place); place = _list.Next(last))
        {
            int operation = _list.Operation(place);
            if (_known[operation].IsWithoutEffect && IsAcceptedUnchanged(_known[operation], state))
            {
                Push(operation, _state, before: -1, isForced: true);
            }
            else
            {
                last = place;
            }
        }
    }

    private bool IsAcceptedUnchanged(in ModelOperation operation, in KvState state)
    {
        Steps++;
        return _rules.TryApply(operation, state, out KvState next) && next == state;
    }

    /// <summary>
    /// Linearizes the next operation that can be, of those from a candidate on: calls of the list up to its first
    /// return, then unknowns, which are numbered after the places of the list.
    /// </summary>
    private bool TryFrom(int candidate)
    {
        int slot = 0;
        if (candidate < FirstUnknown)
        {
            for (int place = candidate; _list.IsCall(place); place = _list.Next(place))
            {
                if (TryNext(_known[_list.Operation(place)], _list.Operation(place), out int next))
                {
                    Push(_list.Operation(place), next, before: -1, isForced: false);
                    return true;
                }
            }
        }
        else
        {
            slot = candidate - FirstUnknown;
        }

        return TryUnknownFrom(slot);
    }

    private int FirstUnknown => (2 * _known.Count) + 1;

    private bool TryUnknownFrom(int slot)
    {
        if (slot >= _unknown.Count)
        {
            return false;
        }

        int place = _list.First;
        while (_list.IsCall(place))
        {
            place = _list.Next(place);
        }

        int firstReturn = _list.Rank(place);
        for (; slot < _unknown.Count; slot++)
        {
            if (_unknownCalls[slot] < firstReturn && !_used.Contains(slot)
                && (_twins[slot] < 0 || _used.Contains(_twins[slot]))
                && TryNext(_unknown[slot], ~slot, out int next)
                && !_states[_state].Covers(_states[next]))
            {
                Push(~slot, next, before: _state, isForced: false);
                return true;
            }
        }

        return false;
    }

    private bool TryNext(in ModelOperation operation, int number, out int next)
    {
        Steps++;
        next = -1;

        // Rule 5.
        int value = _states[_state].Value;
        int others = _readersLeft[value] - (value != 0 && number >= 0 && _knownReads[number] == value ? 1 : 0);
        if (others > 0 && !operation.IsWithoutEffect)
        {
            return false;
        }

        if (!_rules.TryApply(operation, _states[_state], out KvState state) || !LeavesRoom(state, number))
        {
            return false;
        }

        // Rule 3.
        if (_before >= 0 && _rules.TryApply(operation, _states[_before], out KvState without) && without.Covers(state))
        {
            return false;
        }

        next = IdOf(state);
        return true;
    }

    private void Push(int operation, int next, int before, bool isForced)
    {
        _frames.Push(new Frame(operation, _state, _before, isForced));
        if (operation >= 0)
        {
            _list.TakeOut(operation);
            _done.Add(operation);
            _readersLeft[_knownReads[operation]] -= _knownReads[operation] == 0 ? 0 : 1;
            _left--;
        }
        else
        {
            _used.Add(~operation);
        }

        _state = next;
        _before = before;
    }

    /// <summary>Undoes the last choice, with the reads that followed from it; gives the candidate after it.</summary>
    private bool TryGoBack(out int candidate)
    {
        candidate = -1;
        while (_frames.TryPop(out Frame frame))
        {
            _state = frame.State;
            _before = frame.Before;
            if (frame.Operation >= 0)
            {
                _done.Remove(frame.Operation);
                _lowestLeft = Math.Min(_lowestLeft, _placeByRevision[frame.Operation]);
                _readersLeft[_knownReads[frame.Operation]] += _knownReads[frame.Operation] == 0 ? 0 : 1;
                _left++;
                candidate = _list.Next(_list.PutBack(frame.Operation));
            }
            else
            {
                _used.Remove(~frame.Operation);
                candidate = FirstUnknown + ~frame.Operation + 1;
            }

            if (!frame.IsForced)
            {
                return true;
            }
        }

        return false;
    }

    private bool AddToCache()
    {
        _key[0] = ((ulong)(uint)_before << 32) | (uint)_state;
        int length = 1 + _done.WriteKey(_key.AsSpan(1));
        length += _used.WriteKey(_key.AsSpan(length));
        return _cache.Add(_key.AsSpan(0, length));
    }

    /// <summary>An end with the same or a covering state and no more unknowns used makes another one useless.</summary>
    private void AddEnd()
    {
        var end = new WindowStart(_states[_state], _used.ToWords(UnknownBits));
        foreach (WindowStart other in _ends)
        {
            if (IsAtLeast(other, end))
            {
                return;
            }
        }

        _ends.RemoveAll(other => IsAtLeast(end, other));
        _ends.Add(end);
    }

    private static bool IsAtLeast(WindowStart one, WindowStart other)
    {
        for (int i = 0; i < one.Used.Length; i++)
        {
            if ((one.Used[i] & ~other.Used[i]) != 0)
            {
                return false;
            }
        }

        return one.State.Covers(other.State);
    }

    private int IdOf(in KvState state)
    {
        ref int id = ref CollectionsMarshal.GetValueRefOrAddDefault(_stateIds, state, out bool exists);
        if (!exists)
        {
            id = _states.Count;
            _states.Add(state);
        }

        return id;
    }

    /// <summary>A choice made. The operation is a known one, or ~slot of an unknown; then what to go back to.</summary>
    private readonly record struct Frame(int Operation, int State, int Before, bool IsForced);
}
