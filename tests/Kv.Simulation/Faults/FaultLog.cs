using Kv.Base;

namespace Kv.Simulation.Faults;

/// <summary>
/// Says whether a fault strikes, and counts what struck. Each kind draws from a stream of its own, so that leaving one
/// out does not change the others.
/// </summary>
public sealed class FaultLog
{
    private readonly DeterministicRandom[] _random = new DeterministicRandom[FaultKinds.All.Count];
    private readonly bool[] _on = new bool[FaultKinds.All.Count];
    private readonly long[] _fired = new long[FaultKinds.All.Count];

    public FaultLog(DeterministicRandom random, IReadOnlySet<FaultKind> kinds)
    {
        foreach (FaultKind kind in FaultKinds.All)
        {
            _random[(int)kind] = random.Fork();
            _on[(int)kind] = kinds.Contains(kind);
        }
    }

    /// <summary>False from the healing on: nothing strikes any more.</summary>
    public bool Active { get; set; } = true;

    public bool IsOn(FaultKind kind) => _on[(int)kind];

    /// <summary>The kind's own stream.</summary>
    public DeterministicRandom RandomOf(FaultKind kind) => _random[(int)kind];

    /// <summary>Draws for a kind that strikes at a rate, and counts.</summary>
    public bool Strikes(FaultKind kind, double rate)
    {
        if (!Active || !_on[(int)kind] || !_random[(int)kind].Chance(rate))
        {
            return false;
        }

        _fired[(int)kind]++;
        return true;
    }

    public void Count(FaultKind kind) => _fired[(int)kind]++;

    public long Fired(FaultKind kind) => _fired[(int)kind];
}
