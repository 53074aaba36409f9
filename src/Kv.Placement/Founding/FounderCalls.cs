using Kv.Base;

namespace Kv.Placement.Founding;

/// <summary>Which founders still have to answer the present question, and when each is to be asked (again).</summary>
internal sealed class FounderCalls(int count, int self)
{
    private readonly Instant[] _due = new Instant[count];
    private readonly bool[] _answered = new bool[count];
    private readonly string?[] _failure = new string?[count];

    public bool AllAnswered
    {
        get
        {
            for (int i = 0; i < count; i++)
            {
                if (i != self && !_answered[i])
                {
                    return false;
                }
            }

            return true;
        }
    }

    public Instant NextDue
    {
        get
        {
            Instant next = Instant.Never;
            for (int i = 0; i < count; i++)
            {
                if (i != self && !_answered[i] && _due[i] < next)
                {
                    next = _due[i];
                }
            }

            return next;
        }
    }

    /// <summary>Founders to be asked now; each is marked as asked until <paramref name="again"/>.</summary>
    public List<int> TakeDue(Instant now, Instant again)
    {
        var due = new List<int>();
        for (int i = 0; i < count; i++)
        {
            if (i != self && !_answered[i] && _due[i] <= now)
            {
                _due[i] = again;
                due.Add(i);
            }
        }

        return due;
    }

    public void Answered(int founder) => _answered[founder] = true;

    public void Failed(int founder, string why, Instant again)
    {
        _failure[founder] = why;
        if (again < _due[founder])
        {
            _due[founder] = again;
        }
    }

    /// <summary>The first founder that has not answered, and why as far as known.</summary>
    public (int Founder, string Why) FirstMissing()
    {
        for (int i = 0; i < count; i++)
        {
            if (i != self && !_answered[i])
            {
                return (i, _failure[i] ?? "no answer");
            }
        }

        throw Invariant.Unreachable(count);
    }
}
