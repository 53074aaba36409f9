using System.Text;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>An operation on keys: done by the leaders of the regions that hold them.</summary>
public abstract class RegionOperation : ClientOperation
{
    private protected RegionOperation()
    {
    }

    /// <summary>Whether it changes anything, so that an attempt without an answer matters.</summary>
    internal abstract bool IsWrite { get; }

    /// <summary>The region to ask; null = not known.</summary>
    internal abstract CachedRegion? Find(RegionCache cache, RegionCall call);

    /// <summary>A key that a lookup must cover so that <see cref="Find"/> succeeds.</summary>
    internal abstract ReadOnlyMemory<byte> LookupKey(RegionCall call);

    /// <summary>The call goes to <paramref name="region"/> now: cut it to the region's range.</summary>
    internal virtual void OnRouted(ClientPump pump, RegionCall call, CachedRegion region)
    {
    }

    internal abstract void Fill(RegionCall call, Request request);

    /// <summary>A result without error. False = not a result of this operation.</summary>
    internal abstract bool OnResult(ClientPump pump, RegionCall call, Response response);

    /// <summary>The call failed for good.</summary>
    internal virtual void OnCallFailed(ClientPump pump, RegionCall call, KvException error) => pump.Finish(this, error);

    private protected static Exception DescribeEnd(string what, Exception? cause, RegionCall call)
    {
        if (cause is not null)
        {
            return cause;
        }

        var text = new StringBuilder(what).Append(": ");
        call.DescribeTo(text);
        return new KvTimeoutException(text.ToString());
    }

    /// <summary>The same for a call of a write, which may have been executed.</summary>
    private protected static KvException DescribeWriteEnd(
        string description, RegionCall call, string what, Exception? cause)
    {
        var text = new StringBuilder(description).Append(' ').Append(what);
        if (call.MaybeExecuted || call.InFlight)
        {
            text.Append(", and it may have been executed: ");
            call.DescribeTo(text);
            return new KvUndeterminedException(text.ToString(), cause);
        }

        text.Append(": ");
        call.DescribeTo(text);
        return cause switch
        {
            null => new KvTimeoutException(text.ToString()),
            KvException known => known,
            _ => new KvException(text.ToString(), cause),
        };
    }

    /// <summary>
    /// Of the places from <paramref name="first"/> to <paramref name="last"/>, whose keys rise, the first whose key
    /// lies behind the region; the first key is known to lie inside, the last one behind.
    /// </summary>
    private protected static int FirstBehind(
        CachedRegion region, int first, int last, Func<int, ReadOnlyMemory<byte>> keyAt)
    {
        int low = first + 1;
        int high = last;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (region.IsBelowEnd(keyAt(middle).Span))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
