// Owns the small sorted arrays of peer ids that configurations are made of. Sorted arrays and not hash sets: a
// handful of ids, and whatever walks them must do so in the same order everywhere.
using Kv.Base;

namespace Kv.Raft;

internal static class PeerIdSet
{
    /// <summary>A sorted copy. Requires the ids distinct and not none.</summary>
    public static PeerId[] Sorted(IReadOnlyList<PeerId> peers)
    {
        if (peers.Count == 0)
        {
            return [];
        }

        var sorted = new PeerId[peers.Count];
        for (int i = 0; i < sorted.Length; i++)
        {
            sorted[i] = peers[i];
        }

        Array.Sort(sorted);
        Invariant.Require(!sorted[0].IsNone, $"a configuration names peer 0");
        for (int i = 1; i < sorted.Length; i++)
        {
            Invariant.Require(sorted[i] != sorted[i - 1], $"peer {sorted[i]} stands twice in one configuration");
        }

        return sorted;
    }

    public static bool Contains(ReadOnlySpan<PeerId> peers, PeerId peer)
    {
        foreach (PeerId each in peers)
        {
            if (each == peer)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>All ids of the four sets, sorted, each once.</summary>
    public static PeerId[] Union(
        ReadOnlySpan<PeerId> first,
        ReadOnlySpan<PeerId> second,
        ReadOnlySpan<PeerId> third,
        ReadOnlySpan<PeerId> fourth)
    {
        var union = new List<PeerId>(first.Length + second.Length + third.Length + fourth.Length);
        AddNew(union, first);
        AddNew(union, second);
        AddNew(union, third);
        AddNew(union, fourth);
        union.Sort();
        return [.. union];
    }

    private static void AddNew(List<PeerId> union, ReadOnlySpan<PeerId> peers)
    {
        foreach (PeerId peer in peers)
        {
            if (!union.Contains(peer))
            {
                union.Add(peer);
            }
        }
    }
}
