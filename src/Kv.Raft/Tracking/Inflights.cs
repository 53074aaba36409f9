// Owns the window of append messages sent to one follower and not yet acknowledged.
// Invariant: last indexes rise strictly from the oldest to the newest; bytes is the sum over all that are held.
using Kv.Base;

namespace Kv.Raft;

/// <summary>A ring that starts at nothing and grows to at most <c>countMax</c>: idle groups pay for no
/// window.</summary>
internal sealed class Inflights(int countMax, long bytesMax)
{
    private const int FirstCapacity = 4;

    private (LogIndex Last, long Bytes)[] _ring = [];
    private int _start;

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>One message may pass the byte limit, so that an entry larger than the whole window still
    /// goes.</summary>
    public bool IsFull => Count >= countMax || (Count > 0 && Bytes >= bytesMax);

    /// <summary>Notes a message whose last entry is <paramref name="last"/>. Requires room and a higher index than
    /// before.</summary>
    public void Add(LogIndex last, long bytes)
    {
        Invariant.Require(!IsFull, $"append window overrun: {Count} messages, {Bytes} bytes");
        if (Count == _ring.Length)
        {
            Grow();
        }

        Invariant.Require(Count == 0 || At(Count - 1).Last < last);
        _ring[(_start + Count) % _ring.Length] = (last, bytes);
        Count++;
        Bytes += bytes;
    }

    /// <summary>Forgets every message whose last entry is at or below <paramref name="acknowledged"/>.</summary>
    public void FreeTo(LogIndex acknowledged)
    {
        while (Count > 0 && _ring[_start].Last <= acknowledged)
        {
            Bytes -= _ring[_start].Bytes;
            _start = (_start + 1) % _ring.Length;
            Count--;
        }

        Invariant.Require(Bytes >= 0 && (Count > 0 || Bytes == 0));
        if (Count == 0 && _ring.Length > FirstCapacity)
        {
            _ring = [];
            _start = 0;
        }
    }

    public void Clear()
    {
        _ring = [];
        _start = 0;
        Count = 0;
        Bytes = 0;
    }

    private (LogIndex Last, long Bytes) At(int place) => _ring[(_start + place) % _ring.Length];

    private void Grow()
    {
        var larger = new (LogIndex Last, long Bytes)[Math.Max(FirstCapacity, _ring.Length * 2)];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = At(i);
        }

        _ring = larger;
        _start = 0;
    }
}
