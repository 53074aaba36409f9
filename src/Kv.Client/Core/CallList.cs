// Owns a doubly linked list of calls, linked through the calls themselves, so that any of them leaves in constant time.
using Kv.Base;

namespace Kv.Client.Core;

internal sealed class CallList
{
    public Call? First { get; private set; }

    public Call? Last { get; private set; }

    public int Count { get; private set; }

    public void Add(Call call)
    {
        Invariant.Require(call.List is null);
        call.List = this;
        call.PreviousInList = Last;
        call.NextInList = null;
        if (Last is null)
        {
            First = call;
        }
        else
        {
            Last.NextInList = call;
        }

        Last = call;
        Count++;
    }

    public void Remove(Call call)
    {
        Invariant.Require(call.List == this);
        if (call.PreviousInList is null)
        {
            First = call.NextInList;
        }
        else
        {
            call.PreviousInList.NextInList = call.NextInList;
        }

        if (call.NextInList is null)
        {
            Last = call.PreviousInList;
        }
        else
        {
            call.NextInList.PreviousInList = call.PreviousInList;
        }

        call.List = null;
        call.PreviousInList = null;
        call.NextInList = null;
        Count--;
    }

    /// <summary>Takes all calls out, in order.</summary>
    public void MoveTo(List<Call> destination)
    {
        while (First is { } call)
        {
            Remove(call);
            destination.Add(call);
        }
    }
}
