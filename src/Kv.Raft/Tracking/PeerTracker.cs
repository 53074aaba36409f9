// Owns the membership in force, a leader's progress per peer, and a candidate's votes.
// Invariants: progress exists only while leading and then for every peer of the configuration; all walks are in peer
// order.
using Kv.Base;

namespace Kv.Raft;

internal sealed class PeerTracker
{
    private PeerId[] _peers = [];
    private PeerId[] _learners = [];
    private PeerId[] _learnersNext = [];
    private Progress[] _progress = [];
    private List<(PeerId Peer, bool Granted)>? _votes;

    public PeerTracker(ConfState conf)
    {
        Conf = conf;
        SetConf(conf);
    }

    public ConfState Conf { get; private set; }

    public JointConfig Voters { get; private set; }

    /// <summary>Every peer of the configuration in order: voters of both majorities and learners.</summary>
    public ReadOnlySpan<PeerId> Peers => _peers;

    public ReadOnlySpan<PeerId> Learners => _learners;

    /// <summary>In peer order; empty unless leading.</summary>
    public ReadOnlySpan<Progress> Progress => _progress;

    public bool IsKnown(PeerId peer) => PeerIdSet.Contains(_peers, peer);

    public Progress? Find(PeerId peer)
    {
        foreach (Progress each in _progress)
        {
            if (each.Id == peer)
            {
                return each;
            }
        }

        return null;
    }

    /// <summary>Takes a new membership. Progress of peers that stay is kept; callers add progress for new
    /// ones.</summary>
    public void SetConf(ConfState conf)
    {
        Invariant.Require(conf.LearnersNext.Count == 0 || conf.VotersOutgoing.Count > 0);
        Conf = conf;
        Voters = new JointConfig(new MajorityConfig(conf.Voters), new MajorityConfig(conf.VotersOutgoing));
        _learners = PeerIdSet.Sorted(conf.Learners);
        _learnersNext = PeerIdSet.Sorted(conf.LearnersNext);
        _peers = PeerIdSet.Union(Voters.Incoming.Voters, Voters.Outgoing.Voters, _learners, _learnersNext);
        foreach (PeerId learner in _learners)
        {
            Invariant.Require(!Voters.Contains(learner), $"peer {learner} is voter and learner at once");
        }
    }

    /// <summary>Makes progress for every peer, probing from <paramref name="next"/>. What a new leader starts
    /// with.</summary>
    public void StartProgress(LogIndex next, RaftConfig config)
    {
        _progress = [];
        AlignProgress(next, config);
    }

    /// <summary>Keeps the progress of peers that are still there, drops others, starts the new ones at <paramref
    /// name="next"/>.</summary>
    public void AlignProgress(LogIndex next, RaftConfig config)
    {
        var aligned = new Progress[_peers.Length];
        for (int i = 0; i < aligned.Length; i++)
        {
            // A new peer counts as active, or check-quorum could depose the leader before the peer's first answer.
            aligned[i] = Find(_peers[i])
                ?? new Progress(_peers[i], next, config.InflightCountMax, config.InflightBytesMax)
                {
                    RecentActive = true,
                };
        }

        _progress = aligned;
    }

    public void DropProgress() => _progress = [];

    public void ClearVotes() => _votes = null;

    /// <summary>Records an answer; the first of a peer counts, repeats do not.</summary>
    public void RecordVote(PeerId peer, bool granted)
    {
        _votes ??= new List<(PeerId Peer, bool Granted)>(_peers.Length);
        foreach ((PeerId each, _) in _votes)
        {
            if (each == peer)
            {
                return;
            }
        }

        _votes.Add((peer, granted));
    }

    public VoteOutcome TallyVotes() => Voters.Tally(new RecordedVotes(_votes));

    /// <summary>The highest index that a quorum has durable.</summary>
    public LogIndex QuorumMatch()
    {
        ulong match = Voters.QuorumValue(new MatchValues(this));
        Invariant.Require(match != ulong.MaxValue, $"a configuration without voters cannot commit");
        return new LogIndex(match);
    }

    /// <summary>Whether a quorum answered since the last call; clears what each answered, except <paramref
    /// name="self"/>'s.</summary>
    public bool TakeQuorumActive(PeerId self)
    {
        bool active = Voters.Tally(new ActiveVotes(this, self)) == VoteOutcome.Won;
        foreach (Progress each in _progress)
        {
            each.RecentActive = each.Id == self;
        }

        return active;
    }

    /// <summary>The newest send time that a quorum acknowledged; the leader itself counts as <paramref
    /// name="now"/>.</summary>
    public Instant QuorumAckedSentAt(PeerId self, Instant now) =>
        new((long)Math.Min(Voters.QuorumValue(new SentAtValues(this, self, now)), long.MaxValue));

    /// <summary>The newest read round that a quorum acknowledged; the leader itself counts as <paramref
    /// name="round"/>.</summary>
    public ulong QuorumReadRound(PeerId self, ulong round)
    {
        ulong proved = Voters.QuorumValue(new RoundValues(this, self, round));
#if PLANT_C5 // row C5: with an even number of voters one answer too many is wanted
        var values = new RoundValues(this, self, round);
        foreach (PeerId voter in Voters.Incoming.Voters)
        {
            proved = Voters.Incoming.Count % 2 == 0 ? Math.Min(proved, values.ValueOf(voter)) : proved;
        }
#endif
        return proved;
    }

    private readonly struct RecordedVotes(List<(PeerId Peer, bool Granted)>? votes) : IVoteValues
    {
        public bool? VoteOf(PeerId voter)
        {
            if (votes is not null)
            {
                foreach ((PeerId peer, bool granted) in votes)
                {
                    if (peer == voter)
                    {
                        return granted;
                    }
                }
            }

            return null;
        }
    }

    private readonly struct ActiveVotes(PeerTracker tracker, PeerId self) : IVoteValues
    {
        public bool? VoteOf(PeerId voter) => voter == self || tracker.Find(voter) is { RecentActive: true };
    }

    private readonly struct MatchValues(PeerTracker tracker) : IQuorumValues
    {
        public ulong ValueOf(PeerId voter) => tracker.Find(voter)?.Match.Value ?? 0;
    }

    private readonly struct SentAtValues(PeerTracker tracker, PeerId self, Instant now) : IQuorumValues
    {
        public ulong ValueOf(PeerId voter) =>
            voter == self ? (ulong)now.Nanoseconds : (ulong)(tracker.Find(voter)?.AckedSentAt.Nanoseconds ?? 0);
    }

    private readonly struct RoundValues(PeerTracker tracker, PeerId self, ulong round) : IQuorumValues
    {
        public ulong ValueOf(PeerId voter) => voter == self ? round : tracker.Find(voter)?.AckedReadRound ?? 0;
    }
}
