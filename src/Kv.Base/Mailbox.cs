// Owns the hand-over of items from many threads to one pump. The lock guards two list references and is held for an
// append or a swap only, never while an item is handled.
namespace Kv.Base;

/// <summary>
/// Bounded mailbox: many threads post, one pump drains. A full mailbox refuses (<see cref="TryPost"/>) unless the
/// sender has reserved room by other means (<see cref="Post"/>, for completions whose number is bounded by what was
/// sent; Queue law).
/// </summary>
/// <param name="owner">The pump that drains.</param>
/// <param name="capacityMax">Most items that <see cref="TryPost"/> lets wait.</param>
/// <param name="urgent">Wakes the owner even while it holds: for completions of what it holds for.</param>
public sealed class Mailbox<T>(Pump owner, int capacityMax, bool urgent = false)
{
    private readonly Lock _lock = new();
    private List<T> _incoming = [];
    private List<T> _draining = [];

    // Whether the owner was woken, or need not be, for what waits now.
    private bool _woken;

    /// <summary>Most items that <see cref="TryPost"/> lets wait.</summary>
    public int CapacityMax { get; } = capacityMax;

    /// <summary>Items waiting now; for metrics, and for the owner to see whether there is work.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _incoming.Count;
            }
        }
    }

    /// <summary>Posts unless full. False = refused, nothing was taken.</summary>
    public bool TryPost(T item)
    {
        bool wake;
        lock (_lock)
        {
            if (_incoming.Count >= CapacityMax)
            {
                return false;
            }

            wake = !_woken;
            _woken = true;
            _incoming.Add(item);
        }

        if (wake)
        {
            WakeOwner();
        }

        return true;
    }

    /// <summary>Posts always. For items whose number something else bounds: completions, control.</summary>
    public void Post(T item)
    {
        bool wake;
        lock (_lock)
        {
            wake = !_woken;
            _woken = true;
            _incoming.Add(item);
        }

        if (wake)
        {
            WakeOwner();
        }
    }

    /// <summary>
    /// Posts always and wakes nobody: for news that the owner can hear whenever it turns next for another reason. An
    /// owner that begins to wait for such news says so where the sender looks after posting, and then looks at
    /// <see cref="Count"/> itself: one of the two sees the other.
    /// </summary>
    public void PostQuietly(T item)
    {
        lock (_lock)
        {
            _incoming.Add(item);
        }
    }

    /// <summary>Wakes the owner for what was posted quietly.</summary>
    public void WakeFor() => WakeOwner();

    /// <summary>
    /// Takes everything that waits. The list is the owner's until its next call; only the owner calls this.
    /// </summary>
    public List<T> Drain()
    {
        _draining.Clear();
        lock (_lock)
        {
            (_incoming, _draining) = (_draining, _incoming);
            _woken = false;
        }

        return _draining;
    }

    private void WakeOwner()
    {
        if (urgent)
        {
            owner.Wake();
        }
        else
        {
            owner.WakeForMail();
        }
    }
}
