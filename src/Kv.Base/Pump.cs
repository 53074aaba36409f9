namespace Kv.Base;

/// <summary>
/// A loop that owns state and is driven from outside: a dedicated thread calls <see cref="RunOnce"/> in production, the
/// simulator calls it in a seeded order. Inside there is no thread, no await, no timer and no lock held across a turn.
/// </summary>
public abstract class Pump
{
    private volatile Action? _wake;
    private volatile bool _holds;

    /// <summary>Name for logs and metrics, for example <c>raft</c>, <c>log</c>, <c>apply</c>.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Does all work that is at hand, once, and returns whether any was done. Only the driver calls it, never two at a
    /// time.
    /// </summary>
    public abstract bool RunOnce();

    /// <summary>
    /// When this pump next wants to run though no mail has come; <see cref="Instant.Never"/> when only mail can give it
    /// work.
    /// Read by the driver between turns.
    /// </summary>
    public virtual Instant NextDue => Instant.Never;

    /// <summary>
    /// Set once by the driver before the first turn. Called from any thread when mail arrives at an idle pump.
    /// </summary>
    public void SetWake(Action wake) => _wake = wake;

    /// <summary>
    /// While true, mail gathers without waking the pump. Set inside a turn only, by a pump that has something under way
    /// whose completion wakes it, or a due time that does: batches grow, and turns become few. Cleared at the start of
    /// a turn, before mail is drained; so no mail is left lying: who posts after the drain sees it cleared. The
    /// driver lets a pump that holds sleep, whatever its turn returned.
    /// </summary>
    public bool Holds
    {
        get => _holds;
        protected set => _holds = value;
    }

    /// <summary>
    /// Tells the driver that there is work. Safe from any thread; cheap when the pump is already awake.
    /// </summary>
    protected internal void Wake() => _wake?.Invoke();

    /// <summary>Wakes for mail that can wait while the pump holds.</summary>
    internal void WakeForMail()
    {
        if (!_holds)
        {
            Wake();
        }
    }
}
