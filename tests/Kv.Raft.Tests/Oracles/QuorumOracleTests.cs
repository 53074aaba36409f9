using Kv.Base;

namespace Kv.Raft.Tests.Oracles;

/// <summary>
/// Votes, commit index, lease, read rounds and check-quorum over every membership of a few peers, joint ones included
/// (halves that overlap, that do not, that are equal), and every way in which the peers can have answered.
/// </summary>
public sealed class QuorumOracleTests
{
    private const int PeerCount = 5;
    private const int FewPeers = 4;

    [Fact]
    public void Tally_EveryConfigAndEveryVote_EqualsTheOracle()
    {
        int count = 0;
        foreach ((JointConfig config, Quorums quorums) in Configs(PeerCount))
        {
            for (int code = 0; code < Power(3, PeerCount); code++)
            {
                int[] votes = Digits(code, 3, PeerCount);
                int granted = SetWhere(votes, vote => vote == 1);
                int missing = SetWhere(votes, vote => vote == 0);

                // Lost means that it stays lost whatever is still answered.
                VoteOutcome expected = quorums.IsMet(granted) ? VoteOutcome.Won
                    : quorums.IsMet(granted | missing) ? VoteOutcome.Pending
                    : VoteOutcome.Lost;
                Assert.Equal(expected, config.Tally(new Votes(votes)));
                count++;
            }
        }

        Assert.Equal(31 * 32 * 243, count);
    }

    [Fact]
    public void Tally_EveryMajorityOfSix_EqualsTheOracle()
    {
        for (int voters = 1; voters < 1 << 6; voters++)
        {
            var config = new MajorityConfig(Quorums.PeersOf(voters));
            var quorums = new Quorums(voters, 0, 6);
            for (int code = 0; code < Power(3, 6); code++)
            {
                int[] votes = Digits(code, 3, 6);
                int granted = SetWhere(votes, vote => vote == 1);
                VoteOutcome expected = quorums.IsMet(granted) ? VoteOutcome.Won
                    : quorums.IsMet(granted | SetWhere(votes, vote => vote == 0)) ? VoteOutcome.Pending
                    : VoteOutcome.Lost;
                Assert.Equal(expected, config.Tally(new Votes(votes)));
            }
        }
    }

    [Fact]
    public void CommitIndex_EveryConfigAndEveryAcknowledgement_EqualsTheOracle()
    {
        int count = 0;
        foreach ((JointConfig config, Quorums quorums) in Configs(PeerCount))
        {
            for (int code = 0; code < Power(4, PeerCount); code++)
            {
                int[] acknowledged = Digits(code, 4, PeerCount);
                Assert.Equal(HighestMet(quorums, acknowledged, 3), config.QuorumValue(new Numbers(acknowledged)));
                count++;
            }
        }

        Assert.Equal(31 * 32 * 1024, count);
    }

    /// <summary>Lease law: the newest send time that a quorum, of both halves when joint, has acknowledged.</summary>
    [Fact]
    public void LeaseInstant_EveryConfigLeaderAndAcknowledgement_EqualsTheOracle() =>
        ForEachTracker((tracker, quorums, self, numbers) =>
        {
            foreach (Progress peer in tracker.Progress)
            {
                peer.OnLeaseAck(new Instant(numbers[peer.Id.Value - 1]));
            }

            // The leader has heard itself at this very moment.
            numbers[self.Value - 1] = 3;
            ulong expected = HighestMet(quorums, numbers, 3);
            Assert.Equal(new Instant((long)expected), tracker.QuorumAckedSentAt(self, new Instant(3)));
        });

    [Fact]
    public void ReadRound_EveryConfigLeaderAndAcknowledgement_EqualsTheOracle() =>
        ForEachTracker((tracker, quorums, self, numbers) =>
        {
            foreach (Progress peer in tracker.Progress)
            {
                peer.OnReadRoundAck((ulong)numbers[peer.Id.Value - 1]);
            }

            numbers[self.Value - 1] = 3;
            Assert.Equal(HighestMet(quorums, numbers, 3), tracker.QuorumReadRound(self, 3));
        });

    [Fact]
    public void CheckQuorum_EveryConfigLeaderAndAnswer_EqualsTheOracle() =>
        ForEachTracker((tracker, quorums, self, numbers) =>
        {
            foreach (Progress peer in tracker.Progress)
            {
                peer.RecentActive = numbers[peer.Id.Value - 1] > 0;
            }

            numbers[self.Value - 1] = 1;
            Assert.Equal(quorums.IsMet(SetWhere(numbers, n => n > 0)), tracker.TakeQuorumActive(self));

            // What was taken counts once.
            numbers = [.. numbers.Select((_, i) => i == (int)self.Value - 1 ? 1 : 0)];
            Assert.Equal(quorums.IsMet(SetWhere(numbers, n => n > 0)), tracker.TakeQuorumActive(self));
        });

    private static void ForEachTracker(Action<PeerTracker, Quorums, PeerId, int[]> check)
    {
        var config = new RaftConfig { Id = new PeerId(1), Seed = 1, StartedAt = Instant.Zero };
        PeerId[] everyone = Quorums.PeersOf((1 << FewPeers) - 1);
        for (int incoming = 1; incoming < 1 << FewPeers; incoming++)
        {
            for (int outgoing = 0; outgoing < 1 << FewPeers; outgoing++)
            {
                // Whoever has no vote is a learner: its answers must count for nothing.
                PeerId[] learners = [.. everyone.Except(Quorums.PeersOf(incoming | outgoing))];
                var conf = new ConfState(Quorums.PeersOf(incoming), learners, Quorums.PeersOf(outgoing), [], false);
                var quorums = new Quorums(incoming, outgoing, FewPeers);
                for (int code = 0; code < Power(3, FewPeers) * FewPeers; code++)
                {
                    var tracker = new PeerTracker(conf);
                    tracker.StartProgress(new LogIndex(1), config);
                    check(tracker, quorums, everyone[code % FewPeers], Digits(code / FewPeers, 3, FewPeers));
                }
            }
        }
    }

    private static ulong HighestMet(Quorums quorums, int[] numbers, int numberMax)
    {
        for (int number = numberMax; number > 0; number--)
        {
            if (quorums.IsMet(SetWhere(numbers, n => n >= number)))
            {
                return (ulong)number;
            }
        }

        return 0;
    }

    private static IEnumerable<(JointConfig Config, Quorums Quorums)> Configs(int peerCount)
    {
        for (int incoming = 1; incoming < 1 << peerCount; incoming++)
        {
            for (int outgoing = 0; outgoing < 1 << peerCount; outgoing++)
            {
                yield return (
                    new JointConfig(
                        new MajorityConfig(Quorums.PeersOf(incoming)), new MajorityConfig(Quorums.PeersOf(outgoing))),
                    new Quorums(incoming, outgoing, peerCount));
            }
        }
    }

    private static int SetWhere(int[] numbers, Predicate<int> predicate)
    {
        int set = 0;
        for (int i = 0; i < numbers.Length; i++)
        {
            set |= predicate(numbers[i]) ? 1 << i : 0;
        }

        return set;
    }

    private static int[] Digits(int code, int radix, int count)
    {
        int[] digits = new int[count];
        for (int i = 0; i < count; i++)
        {
            digits[i] = code % radix;
            code /= radix;
        }

        return digits;
    }

    private static int Power(int radix, int count) => Enumerable.Repeat(radix, count).Aggregate(1, (a, b) => a * b);

    private readonly struct Votes(int[] votes) : IVoteValues
    {
        public bool? VoteOf(PeerId voter) => votes[voter.Value - 1] switch
        {
            0 => null,
            1 => true,
            _ => false,
        };
    }

    private readonly struct Numbers(int[] numbers) : IQuorumValues
    {
        public ulong ValueOf(PeerId voter) => (ulong)numbers[voter.Value - 1];
    }
}
