using Kv.Base;

namespace Kv.Raft.Tests.Oracles;

/// <summary>
/// Quorums as the plain sets they are: a set of peers is a number whose bit i − 1 stands for peer i, and a quorum is
/// any set with more than half of the voters of each half in it. Nothing here sorts, counts down or looks at the code
/// under test.
/// </summary>
internal sealed class Quorums
{
    private readonly int[] _quorums;

    /// <summary><paramref name="outgoing"/> is 0 unless joint; <paramref name="incoming"/> may be 0, too: nobody to
    /// ask.</summary>
    public Quorums(int incoming, int outgoing, int peerCount)
    {
        _quorums = [.. Enumerable.Range(0, 1 << peerCount).Where(set => Has(set, incoming) && Has(set, outgoing))];
    }

    public static Quorums Of(ConfState conf, int peerCount) =>
        new(SetOf(conf.Voters), SetOf(conf.VotersOutgoing), peerCount);

    /// <summary>Whether everyone in some quorum is in <paramref name="set"/>.</summary>
    public bool IsMet(int set) => Array.Exists(_quorums, quorum => (quorum & ~set) == 0);

    /// <summary>Whether every quorum of the one has somebody in common with every quorum of the other.</summary>
    public bool AlwaysMeets(Quorums other) =>
        Array.TrueForAll(_quorums, one => Array.TrueForAll(other._quorums, two => (one & two) != 0));

    public static int SetOf(IEnumerable<PeerId> peers) => peers.Aggregate(0, (set, peer) => set | BitOf(peer));

    public static PeerId[] PeersOf(int set) =>
        [.. Enumerable.Range(0, 31).Where(i => (set >> i & 1) != 0).Select(i => new PeerId((ulong)i + 1))];

    private static int BitOf(PeerId peer) => 1 << ((int)peer.Value - 1);

    private static bool Has(int set, int voters) =>
        voters == 0 || PeersOf(set & voters).Length * 2 > PeersOf(voters).Length;
}
