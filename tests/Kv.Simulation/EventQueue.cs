using Kv.Base;

namespace Kv.Simulation;

/// <summary>
/// What will happen, by virtual time; events of one instant come in an order drawn from the seed. The rolling hash
/// covers every event taken: two runs that differ anywhere differ in it.
/// </summary>
public sealed class EventQueue(SimClock clock, DeterministicRandom random)
{
    private readonly PriorityQueue<(string Name, Action Run), (Instant At, ulong Tie, ulong Number)> _events = new();
    private ulong _number;

    /// <summary>Rolling hash (FNV-1a) over time and name of every event taken, and whatever was mixed in.</summary>
    public ulong Hash { get; private set; } = 0xcbf29ce484222325;

    public long Taken { get; private set; }

    public int Waiting => _events.Count;

    /// <summary>
    /// Set while the queue runs an event: code that runs on another thread has escaped the simulation.
    /// </summary>
    public int ThreadId { get; } = Environment.CurrentManagedThreadId;

    public void At(Instant time, string name, Action run)
    {
        RequireOwnThread();
        Instant at = time < clock.Now ? clock.Now : time;
        _events.Enqueue((name, run), (at, random.NextUInt64(), ++_number));
    }

    public void After(long ns, string name, Action run) => At(clock.Now.PlusNs(ns), name, run);

    /// <summary>Takes one event; false when none is left before <paramref name="end"/>.</summary>
    public bool TakeOne(Instant end)
    {
        if (!_events.TryPeek(out _, out (Instant At, ulong Tie, ulong Number) key) || key.At > end)
        {
            return false;
        }

        (string name, Action run) = _events.Dequeue();
        clock.MoveTo(key.At);
        Taken++;
        Mix((ulong)key.At.Nanoseconds);
        Mix(name);
        run();
        return true;
    }

    public void Mix(ulong value)
    {
        for (int i = 0; i < 8; i++)
        {
            Hash = (Hash ^ (byte)(value >> (i * 8))) * 0x100000001b3;
        }
    }

    public void Mix(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            Hash = (Hash ^ c) * 0x100000001b3;
        }
    }

    public void RequireOwnThread() =>
        Invariant.Require(Environment.CurrentManagedThreadId == ThreadId, $"code escaped the simulation's thread");
}
