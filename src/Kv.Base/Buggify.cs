// Owns the seam through which the simulator makes rare paths common. Invariant: outside a simulation no place fires,
// and the check folds away: the switch is a constant of the process.
namespace Kv.Base;

/// <summary>
/// Places in the code where the simulator may take the rarer of two correct ways: a full queue, a tiny batch, an early
/// time-out. Whatever fires, the code must stay correct; only speed and the path taken may change. Never fires unless
/// the process was started with the switch <c>Kv.Buggify</c> and this thread was armed.
/// </summary>
public static class Buggify
{
    // Use: the simulation that runs on this thread decides; null = none.
    [ThreadStatic]
    private static Func<string, bool>? _decide;

    /// <summary>Whether the process may fire at all.</summary>
    public static bool IsPossible { get; } = AppContext.TryGetSwitch("Kv.Buggify", out bool on) && on;

    /// <summary>True when the rarer way is to be taken now at the named place.</summary>
    public static bool At(string place) => IsPossible && _decide is { } decide && decide(place);

    /// <summary>Lets <paramref name="decide"/> answer on this thread from now on; null ends it.</summary>
    public static void Arm(Func<string, bool>? decide) => _decide = decide;
}
