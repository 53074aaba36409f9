using Kv.Base;

namespace Kv.Simulation;

/// <summary>
/// What will happen, by virtual time; events of one instant come in an order drawn from the seed. The rolling hash
/// covers every event taken: two runs that differ anywhere differ in it.
/// </summary>
public sealed class EventQueue(SimClock clock, DeterministicRandom random)
{
    /// <summary>Events remembered for the report of a failure.</summary>
    public const int RecentMax = 256;

    private readonly PriorityQueue<(string Name, Action Run), (Instant At, ulong Tie, ulong Number)> _events = new();
    private readonly (Instant At, string Name)[] _recent = new (Instant, string)[RecentMax];
    private ulong _number;

    /// <summary>Rolling hash (FNV-1a) over time and name of every event taken, and whatever was mixed in.</summary>
    public ulong Hash { get; private set; } = 0xcbf29ce484222325;

    public long Taken { get; private set; }

    public Instant Now => clock.Now;

    public int Waiting => _events.Count;

    /// <summary>The thread of the simulation: code that runs on another has escaped.</summary>
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
        _recent[(int)(Taken % RecentMax)] = (key.At, name);
        Taken++;
        Mix((ulong)key.At.Nanoseconds);
        Mix(name);
        run();
        return true;
    }

    /// <summary>The newest events, oldest first.</summary>
    public IEnumerable<string> Recent()
    {
        for (long i = Math.Max(0, Taken - RecentMax); i < Taken; i++)
        {
            (Instant at, string name) = _recent[(int)(i % RecentMax)];
            yield return $"{at.Nanoseconds / 1e6:F3} ms {name}";
        }
    }

    public void Mix(ulong value) => Hash = (Hash ^ value) * 0x100000001b3 ^ (Hash >> 29);

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
