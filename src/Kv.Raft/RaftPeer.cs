// Owns one peer's part in its group's consensus: a pure machine. Inputs are messages, ticks, proposals and
// completions of storage work; the one output is Ready. Each aspect has its file: Election, Lease, Leading,
// Following, Reads, Transfer, Sleep, Membership, Output. Invariants:
//   the term never falls, and in one term at most one vote is given; both are durable before any message that shows
//   them to a quorum (Output says which messages wait, and why the others need not);
//   a leader exists only while it is this term's only one; it never replaces an entry of its own log;
//   nothing here reads a clock or draws an unseeded number: the same inputs give the same outputs.
using Kv.Base;

namespace Kv.Raft;

/// <summary>
/// The consensus core of one peer. Not thread-safe: one loop owns it. After any input the owner looks at <see
/// cref="HasReady"/> and carries out what <see cref="TakeReady"/> gives. Nothing that comes from the wire makes it
/// throw; a broken invariant does.
/// </summary>
public sealed partial class RaftPeer
{
    private readonly RaftConfig _config;
    private readonly RaftLog _log;
    private readonly PeerTracker _tracker;
    private readonly DeterministicRandom _random;

    private Term _term;
    private PeerId _vote;
    private PeerId _leader;
    private Role _role;

    // Use: messages refused at the door, for the status page. Invariant: only rises.
    private long _droppedCount;

    /// <summary>
    /// Starts as a follower from what storage holds. <paramref name="hardState"/> is the default value for a peer
    /// that never voted. Requires <see cref="RaftConfig.Applied"/> inside the log and the commit hint not behind its
    /// end.
    /// </summary>
    public RaftPeer(RaftConfig config, HardState hardState, ConfState conf, IRaftStorage storage)
    {
        Invariant.Require(!config.Id.IsNone);
        Invariant.Require(config.ElectionTicks > config.HeartbeatTicks && config.HeartbeatTicks > 0);
        Invariant.Require(config.LeaseMs >= 0 && config.LeaseDriftMs >= 0 && config.InflightCountMax > 0);
        _config = config;

        // The same seed on two peers must not give them the same timeouts: they would split every vote (row A9).
        _random = new DeterministicRandom(config.Seed ^ (config.Id.Value * 0xD1B54A32D192ED03));
        _tracker = new PeerTracker(conf);
        _log = new RaftLog(storage, hardState.Commit, config.Applied);
        _term = hardState.Term;
        _vote = hardState.Vote;
        if (_log.LastTerm > _term)
        {
            // A peer born with a fixed initial (index, term) has no hard state yet; nobody ever campaigns in that term.
            Invariant.Require(hardState == default && storage.LastIndex < storage.FirstIndex,
                $"the log ends in term {_log.LastTerm}, the hard state is of term {_term}");
            _term = _log.LastTerm;
        }

        _handedHardState = hardState;
        _durableHardState = hardState with { Term = _term };
        ResetElectionTimer();
        StartPromise();
    }

    public PeerId Id => _config.Id;

    public Role Role => _role;

    /// <summary>Who leads in this term, as far as known; none otherwise.</summary>
    public PeerId Leader => _leader;

    public Term Term => _term;

    public PeerId Vote => _vote;

    public LogIndex Committed => _log.Committed;

    public LogIndex Applied => _log.Applied;

    /// <summary>Everything up to here is durable in this store's own log; 0 while a snapshot is being
    /// installed.</summary>
    public LogIndex Persisted => _log.Persisted;

    public LogIndex LastIndex => _log.LastIndex;

    public LogIndex FirstIndex => _log.FirstIndex;

    public ConfState Conf => _tracker.Conf;

    public bool IsLeader => _role == Role.Leader;

    /// <summary>Whether this peer leads and has committed an entry of its own term: only then it may answer reads
    /// (row C2).</summary>
#if PLANT_C2 // row C2: whoever leads may answer
    public bool CommittedInOwnTerm => IsLeader;
#else
    public bool CommittedInOwnTerm => IsLeader && _log.Committed >= _termStartIndex;
#endif

    /// <summary>The term at an index from one before the first entry to the last; false outside.</summary>
    public bool TryTermAt(LogIndex index, out Term term) => _log.TryTermAt(index, out term);

    /// <summary>
    /// Takes a message from another peer. What is malformed, not for this peer, or from a peer that has no say is
    /// dropped and counted. May wake a sleeping peer (see <see cref="IsAsleep"/>).
    /// </summary>
    public void Step(Message message, Instant now)
    {
        if (!MessageCheck.IsWellFormed(message, Id, _term, now)
            || (MessageCheck.IsResponse(message.Kind) && !_tracker.IsKnown(message.From)))
        {
            _droppedCount++;
            return;
        }

        if (IsAsleep && !MessageCheck.IsResponse(message.Kind))
        {
            Wake(now);
        }

        if (message.Term > _term)
        {
            if (!AdoptTerm(message, now))
            {
                return;
            }
        }
        else if (message.Term < _term)
        {
            OnStaleMessage(message);
            return;
        }

        Dispatch(message, now);
    }

    /// <summary>One tick of the store's clock passed. Nothing happens while asleep.</summary>
    public void Tick(Instant now)
    {
        if (IsAsleep)
        {
            return;
        }

        if (IsLeader)
        {
            TickLeader(now);
        }
        else
        {
            TickFollower(now);
        }
    }

    /// <summary>
    /// Appends one entry if this peer leads. The bytes become the log's and the wire's: they must never change again.
    /// </summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> data, uint dataCrc, Instant now)
    {
        ProposeOutcome outcome = CheckProposal(data.Length);
        if (outcome != ProposeOutcome.Accepted)
        {
            return ProposeResult.Refused(outcome);
        }

        WakeLeader(now);
        return AppendOwn(EntryKind.Normal, data, dataCrc);
    }

    /// <summary>Apply has finished everything up to <paramref name="applied"/>.</summary>
    public void OnApplied(LogIndex applied)
    {
        _log.OnApplied(applied);
        ReleaseApplyBytes();
        _flushNeeded |= IsLeader && !IsAsleep && _config.CommitAtOnce;
        LeaveJointIfDue();
    }

    public RaftStatus Status()
    {
        var progress = new List<PeerProgress>(_tracker.Progress.Length);
        foreach (Progress each in _tracker.Progress)
        {
            progress.Add(new PeerProgress(
                each.Id, each.State, each.Match, each.Next, each.KnownCommit, each.PendingSnapshot, each.RecentActive,
                each.IsPaused, !_tracker.Voters.Contains(each.Id), each.Inflights.Count, each.Inflights.Bytes));
        }

        return new RaftStatus(
            Id, _role, _leader, _term, _vote, FirstIndex, LastIndex, Committed, Applied, Persisted, IsAsleep,
            _transferTarget, _uncommittedBytes, _droppedCount, Conf, progress);
    }

    /// <summary>A message of a higher term: follow that term, unless it asks for what a promise forbids. False =
    /// refused.</summary>
    private bool AdoptTerm(Message message, Instant now)
    {
        switch (message.Kind)
        {
            case MessageKind.PreVote:
                return true;
            case MessageKind.PreVoteResponse when !message.Reject:
                // It answers for the term that was asked about; nobody is in that term yet.
                return true;
#if !PLANT_A5 // row A5: who hears a leader lets a candidate raise its term all the same
            case MessageKind.Vote when RefusesVote(message, now):
                // No answer and no new term: for whoever keeps a promise, the candidate is not there.
                return false;
#endif
            case MessageKind.Append or MessageKind.Heartbeat or MessageKind.Snapshot:
                BecomeFollower(message.Term, message.From);
                return true;
            default:
                BecomeFollower(message.Term, default);
                return true;
        }
    }

    /// <summary>A message of an older term does nothing, but its sender may need to learn that the term has
    /// passed.</summary>
    private void OnStaleMessage(Message message)
    {
        switch (message.Kind)
        {
            case MessageKind.Append or MessageKind.Heartbeat or MessageKind.Snapshot
                when _config.PreVote || _config.CheckQuorum:
                // This peer is ahead in term and, with pre-vote, will not raise it further: tell the leader, who
                // steps down and can then win it back. It acknowledges nothing: no SentAt.
                SendClaim(NewMessage(MessageKind.AppendResponse, message.From) with { Reject = true });
                break;
            case MessageKind.PreVote:
                SendClaim(NewMessage(MessageKind.PreVoteResponse, message.From) with { Reject = true });
                break;
            case MessageKind.Vote:
                SendClaim(NewMessage(MessageKind.VoteResponse, message.From) with { Reject = true });
                break;
#if PLANT_TRANSFER_TERM // Transfer law: obeyed in a later term too
            case MessageKind.TimeoutNow when _role == Role.Follower && IsPromotable:
                StartCampaign(transfer: true);
                break;
#endif
            default:
                break;
        }
    }

    private void Dispatch(Message message, Instant now)
    {
        switch (message.Kind)
        {
            case MessageKind.PreVote or MessageKind.Vote:
                OnVoteRequest(message, now);
                break;
            case MessageKind.PreVoteResponse or MessageKind.VoteResponse:
                OnVoteAnswer(message, now);
                break;
            case MessageKind.Append:
                OnAppend(message, now);
                break;
            case MessageKind.AppendResponse:
                OnAppendResponse(message, now);
                break;
            case MessageKind.Heartbeat:
                OnHeartbeat(message, now);
                break;
            case MessageKind.HeartbeatResponse:
                OnHeartbeatResponse(message, now);
                break;
            case MessageKind.Snapshot:
                OnSnapshot(message, now);
                break;
            case MessageKind.TimeoutNow:
                OnTimeoutNow(message, now);
                break;
            case MessageKind.ReadIndex:
                OnReadIndex(message);
                break;
            case MessageKind.ReadIndexResponse:
                OnReadIndexResponse(message);
                break;
            default:
                throw Invariant.Unreachable(message.Kind);
        }
    }

    private Message NewMessage(MessageKind kind, PeerId to) => new() { Kind = kind, From = Id, To = to, Term = _term };
}
