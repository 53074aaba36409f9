using Kv.Base;

namespace Kv.Simulation.Faults;

/// <summary>
/// Answers the places in the code (<see cref="Buggify"/>): each is armed or not for the whole run, by seed and name, so
/// that a place that is added does not change what the others do.
/// </summary>
public sealed class Buggifier(SimOptions options, DeterministicRandom random)
{
    private readonly SortedDictionary<string, Place> _places = new(StringComparer.Ordinal);
    private readonly ulong _seed = random.NextUInt64();
    private bool _stopped;

    public void Arm()
    {
        if (options.BuggifyArmed > 0)
        {
            Buggify.Arm(Fires);
        }
    }

    public static void Disarm() => Buggify.Arm(null);

    /// <summary>No place fires any more.</summary>
    public void Stop() => _stopped = true;

    public IReadOnlyList<(string Place, long Count)> Fired() =>
        [.. _places.Select(static place => (place.Key, place.Value.Fired))];

    private bool Fires(string name)
    {
        if (_stopped)
        {
            return false;
        }

        if (!_places.TryGetValue(name, out Place? place))
        {
            ulong hash = _seed;
            foreach (char c in name)
            {
                hash = (hash ^ c) * 0x100000001b3;
            }

            place = new Place(new DeterministicRandom(hash));
            place.Armed = place.Random.Chance(options.BuggifyArmed);
            _places.Add(name, place);
        }

        if (!place.Armed || !place.Random.Chance(options.BuggifyFires))
        {
            return false;
        }

        place.Fired++;
        return true;
    }

    private sealed class Place(DeterministicRandom random)
    {
        public DeterministicRandom Random { get; } = random;

        public bool Armed { get; set; }

        public long Fired { get; set; }
    }
}
