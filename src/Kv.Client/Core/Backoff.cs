// Owns the waiting times of one call: per kind they double from a base to a cap, half fixed and half random. What was
// spent is kept for the error text.
using System.Globalization;
using System.Text;
using Kv.Base;

namespace Kv.Client.Core;

internal sealed class Backoff
{
    private const int KindCount = 5;

    private static readonly (string Name, int BaseMs, int CapMs)[] Kinds =
    [
        ("regionMiss", 2, 500),
        ("noLeader", 2, 100), // a new leader is noticed within a tenth of a second
        ("serverBusy", 10, 2000),
        ("storeUnreachable", 10, 200), // the stores themselves are tried by StoreLane's own, slower schedule
        ("placement", 50, 500),
    ];

    private readonly int[] _counts = new int[KindCount];
    private readonly long[] _spentMs = new long[KindCount];

    /// <summary>
    /// The next wait of this kind in milliseconds, at least 1 and at least <paramref name="floorMs"/> when one is
    /// given.
    /// </summary>
    public int NextMs(BackoffKind kind, DeterministicRandom random, int floorMs = 0)
    {
        int index = (int)kind;
        (_, int baseMs, int capMs) = Kinds[index];
        int full = (int)Math.Min(capMs, (long)baseMs << Math.Min(_counts[index], 20));
        full = Math.Max(full, Math.Min(floorMs, capMs));
        int ms = Math.Max(1, Jitter(full, random));
        if (floorMs > 0)
        {
            // A store said how long; all callers coming back at that very moment would only be refused again.
            ms = Math.Max(ms, Math.Min(floorMs, capMs)) + random.Next(1 + (Math.Min(floorMs, capMs) / 4));
        }

        _counts[index]++;
        _spentMs[index] += ms;
        return ms;
    }

    /// <summary>Equal jitter: half of <paramref name="fullMs"/> plus a random part of the other half.</summary>
    public static int Jitter(int fullMs, DeterministicRandom random) =>
        (fullMs / 2) + random.Next((fullMs - (fullMs / 2)) + 1);

    public void AppendTo(StringBuilder text)
    {
        bool any = false;
        for (int i = 0; i < KindCount; i++)
        {
            if (_counts[i] > 0)
            {
                text.Append(any ? ", " : "").Append(
                    CultureInfo.InvariantCulture, $"{Kinds[i].Name} {_counts[i]} times {_spentMs[i]} ms");
                any = true;
            }
        }

        if (!any)
        {
            text.Append("none");
        }
    }
}
