namespace Kv.Testing.History;

/// <summary>
/// The calls and returns of a window's operations as a doubly linked list in the order of events. An operation that was
/// linearized is taken out; in reverse order of taking out, it is put back at its old place in constant time.
/// </summary>
internal sealed class EventList
{
    private int[] _next = [];
    private int[] _previous = [];
    private int[] _rank = [];
    private int[] _operation = [];
    private int[] _callOf = [];
    private int[] _returnOf = [];

    /// <summary>The first event; 0 = the list is empty.</summary>
    public int First => _next[0];

    /// <summary>Fills the list anew; the ranks are distinct, and calls ascend.</summary>
    public void Fill(ReadOnlySpan<int> callRanks, ReadOnlySpan<int> returnRanks)
    {
        int count = callRanks.Length;
        Reserve(count);
        int[] returns = new int[count];
        for (int i = 0; i < count; i++)
        {
            returns[i] = i;
        }

        Array.Sort(returnRanks.ToArray(), returns);
        int call = 0;
        int returned = 0;
        for (int place = 1; place <= 2 * count; place++)
        {
            bool isCall = call < count && callRanks[call] < returnRanks[returns[returned]];
            int operation = isCall ? call++ : returns[returned++];
            (isCall ? _callOf : _returnOf)[operation] = place;
            _operation[place] = isCall ? operation : ~operation;
            _rank[place] = isCall ? callRanks[operation] : returnRanks[operation];
            _previous[place] = place - 1;
            _next[place - 1] = place;
        }

        _next[2 * count] = 0;
        _previous[0] = 2 * count;
    }

    public int Next(int place) => _next[place];

    public bool IsCall(int place) => _operation[place] >= 0;

    public int Rank(int place) => _rank[place];

    /// <summary>The operation of a call.</summary>
    public int Operation(int place) => _operation[place];

    public void TakeOut(int operation)
    {
        Unlink(_callOf[operation]);
        Unlink(_returnOf[operation]);
    }

    public int PutBack(int operation)
    {
        Relink(_returnOf[operation]);
        Relink(_callOf[operation]);
        return _callOf[operation];
    }

    private void Unlink(int place)
    {
        _next[_previous[place]] = _next[place];
        _previous[_next[place]] = _previous[place];
    }

    private void Relink(int place)
    {
        _next[_previous[place]] = place;
        _previous[_next[place]] = place;
    }

    private void Reserve(int count)
    {
        if (_callOf.Length < count || _next.Length == 0)
        {
            int size = Math.Max(64, count * 2);
            _next = new int[(2 * size) + 1];
            _previous = new int[(2 * size) + 1];
            _rank = new int[(2 * size) + 1];
            _operation = new int[(2 * size) + 1];
            _callOf = new int[size];
            _returnOf = new int[size];
        }
    }
}
