using Kv.Base;

namespace Kv.Raft.Tests;

/// <summary>Quorum arithmetic against slow definitions, over every small case.</summary>
public sealed class QuorumTests
{
    private const int PeersMax = 4;

    [Fact]
    public void QuorumValue_EverySmallJointConfig_EqualsTheDefinition()
    {
        int count = 0;
        foreach (PeerId[] incoming in Subsets().Where(s => s.Length > 0))
        {
            foreach (PeerId[] outgoing in Subsets())
            {
                var config = new JointConfig(new MajorityConfig(incoming), new MajorityConfig(outgoing));
                var swapped = new JointConfig(new MajorityConfig(outgoing), new MajorityConfig(incoming));
                for (int code = 0; code < 256; code++)
                {
                    var values = new Values(code);
                    ulong expected = Math.Min(SlowQuorum(incoming, values), SlowQuorum(outgoing, values));
                    Assert.Equal(expected, config.QuorumValue(values));
                    Assert.Equal(expected, swapped.QuorumValue(values));
                    count++;
                }
            }
        }

        Assert.Equal(15 * 16 * 256, count);
    }

    [Fact]
    public void Tally_EverySmallJointConfig_EqualsTheDefinition()
    {
        foreach (PeerId[] incoming in Subsets().Where(s => s.Length > 0))
        {
            foreach (PeerId[] outgoing in Subsets())
            {
                var config = new JointConfig(new MajorityConfig(incoming), new MajorityConfig(outgoing));
                for (int code = 0; code < 81; code++)
                {
                    var votes = new Votes(code);
                    VoteOutcome expected = SlowTally(incoming, outgoing, votes);
                    Assert.Equal(expected, config.Tally(votes));
                }
            }
        }
    }

    [Fact]
    public void QuorumValue_ManyVoters_EqualsTheDefinition()
    {
        PeerId[] voters = [.. Enumerable.Range(1, 21).Select(i => new PeerId((ulong)i))];
        var random = new DeterministicRandom(7);
        for (int i = 0; i < 200; i++)
        {
            ulong[] numbers = [.. voters.Select(_ => random.NextUInt64() % 50)];
            var values = new Numbers(numbers);
            Assert.Equal(SlowQuorum(voters, values), new MajorityConfig(voters).QuorumValue(values));
        }
    }

    [Fact]
    public void EmptyConfig_DecidesEverything()
    {
        var empty = new MajorityConfig([]);
        Assert.Equal(ulong.MaxValue, empty.QuorumValue(new Values(0)));
        Assert.Equal(VoteOutcome.Won, empty.Tally(new Votes(0)));
    }

    [Fact]
    public void Config_WithAPeerTwice_IsAnInvariantViolation() =>
        Assert.Throws<InvariantViolationException>(() => new MajorityConfig([new PeerId(1), new PeerId(1)]));

    private static IEnumerable<PeerId[]> Subsets()
    {
        for (int mask = 0; mask < 1 << PeersMax; mask++)
        {
            int bits = mask;
            yield return [.. Enumerable.Range(0, PeersMax).Where(i => (bits >> i & 1) != 0).Select(Peer)];
        }
    }

    private static PeerId Peer(int place) => new((ulong)place + 1);

    private static ulong SlowQuorum<T>(PeerId[] voters, T values)
        where T : struct, IQuorumValues
    {
        ulong best = voters.Length == 0 ? ulong.MaxValue : 0;
        foreach (PeerId voter in voters)
        {
            ulong candidate = values.ValueOf(voter);
            int reached = voters.Count(other => values.ValueOf(other) >= candidate);
            best = reached * 2 > voters.Length ? Math.Max(best, candidate) : best;
        }

        return best;
    }

    private static VoteOutcome SlowTally(PeerId[] incoming, PeerId[] outgoing, Votes votes)
    {
        PeerId[][] halves = [incoming, outgoing];
        if (halves.All(half => half.Length == 0 || half.Count(v => votes.VoteOf(v) == true) * 2 > half.Length))
        {
            return VoteOutcome.Won;
        }

        bool possible = halves.All(half =>
            half.Length == 0 || half.Count(v => votes.VoteOf(v) != false) * 2 > half.Length);
        return possible ? VoteOutcome.Pending : VoteOutcome.Lost;
    }

    private readonly struct Values(int code) : IQuorumValues
    {
        public ulong ValueOf(PeerId voter) => (ulong)(code >> (2 * (int)(voter.Value - 1)) & 3);
    }

    private readonly struct Numbers(ulong[] numbers) : IQuorumValues
    {
        public ulong ValueOf(PeerId voter) => numbers[voter.Value - 1];
    }

    private readonly struct Votes(int code) : IVoteValues
    {
        public bool? VoteOf(PeerId voter) => (code / (int)Math.Pow(3, voter.Value - 1) % 3) switch
        {
            0 => null,
            1 => true,
            _ => false,
        };
    }
}
