// Owns elections: timers, pre-vote, votes, and the changes of role. Invariants:
//   a candidate counts its own vote only once term and vote are durable here (rows A1, A3);
//   at most one peer gets this peer's vote in a term; the vote is told only when durable;
//   a role change leaves nothing of the old role behind: progress, votes, reads, transfer.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    // Use: a voter of higher priority lets this many pre-votes of lower ones pass by, to campaign itself first.
    // Bounded, so that a peer that cannot win holds up an election for a moment only.
    private const int PriorityRefusalsMax = 2;

    private int _electionElapsed;
    private int _electionTimeout;
    private int _heartbeatElapsed;
    private int _ticksSinceContact = int.MaxValue;
    private int _priorityRefusals;

    /// <summary>
    /// Starts an election now, by pre-vote first. While a promise runs, it starts with the first tick after it. Does
    /// nothing while leading, for a learner, during a snapshot install, or with an unapplied membership change.
    /// </summary>
    public void Campaign(Instant now)
    {
        if (IsLeader)
        {
            return;
        }

        WakeFollower();
        if (PromiseForbids(Id, now))
        {
            _electionElapsed = _electionTimeout;
            return;
        }

        StartCampaign(transfer: false);
    }

    /// <summary>
    /// Forgets who leads, so that an election needs not wait for ticks of silence (store silence). The promise stays.
    /// Nothing happens on a leader or candidate; the next message of the leader undoes it.
    /// </summary>
    public void ForgetLeader(Instant now)
    {
        if (_role == Role.Follower)
        {
            _leader = default;
            RefuseForwardedReads();
#if PLANT_SLEEP_SILENCE // Sleep law: store silence shortens the promise
            _promiseEnd = now;
#endif
        }
    }

    /// <summary>
    /// Gives leadership up with no successor in sight: the layer below cannot serve any more (Progress law). The others
    /// elect when their promises have run out. Nothing happens on a peer that does not lead.
    /// </summary>
    public void Resign()
    {
        if (IsLeader)
        {
            WakeFollower();
            BecomeFollower(_term, default);
        }
    }

    /// <summary>For tests: the drawn timeout, to be fixed until the next draw.</summary>
    internal int ElectionTimeoutTicks
    {
        get => _electionTimeout;
        set => _electionTimeout = value;
    }

    private bool IsPromotable => _tracker.Voters.Contains(Id) && _log.Unstable.Snapshot is null;

    private void TickFollower(Instant now)
    {
        TickForwardedReads();
        _electionElapsed++;
        if (_ticksSinceContact < int.MaxValue)
        {
            _ticksSinceContact++;
        }

        if (_electionElapsed < _electionTimeout || !IsPromotable || PromiseForbids(Id, now))
        {
            return;
        }

        ResetElectionTimer();
        StartCampaign(transfer: false);
    }

    private void TickLeader(Instant now)
    {
#if PLANT_LEASE_TICKS // Lease law: between two ticks the lease does not age
        CountTick(now);
#endif
        _electionElapsed++;
        _heartbeatElapsed++;
        if (_electionElapsed >= _config.ElectionTicks)
        {
            _electionElapsed = 0;
            if (_config.CheckQuorum && !_tracker.TakeQuorumActive(Id))
            {
                // Cut off from a quorum: whoever asks must be able to find another leader (row A6).
                BecomeFollower(_term, default);
                return;
            }
        }

        TickTransfer();
        TickSnapshots();
        HandOverIfLeaving(now);
        if (_heartbeatElapsed >= _config.HeartbeatTicks)
        {
            BroadcastHeartbeat(now);
        }
    }

    private void StartCampaign(bool transfer)
    {
        // A change that is committed and not yet applied may have taken this peer's right, or given others theirs.
        if (!IsPromotable || HasConfChange(_log.Applied, _log.Committed))
        {
            return;
        }

        bool asksFirst = _config.PreVote && !transfer;
#if PLANT_A4 || PLANT_A5 // rows A4, A5: no pre-vote
        asksFirst = false;
#endif
        if (asksFirst)
        {
            BecomePreCandidate();
        }
        else
        {
            BecomeCandidate(transfer);
        }
    }

    private void BecomePreCandidate()
    {
        Invariant.Require(!IsLeader);
        LeaveRole();
        _role = Role.PreCandidate;
        _leader = default;
        _tracker.RecordVote(Id, granted: true);
        RequestVotes(MessageKind.PreVote, _term.Next(), transfer: false);
        SettleElection();
    }

    private void BecomeCandidate(bool transfer)
    {
        Invariant.Require(!IsLeader);
        LeaveRole();
        _term = _term.Next();
        _vote = Id;
        _role = Role.Candidate;
        _leader = default;
        // Its own vote is recorded by CountOwnVote, when it is durable.
        RequestVotes(MessageKind.Vote, _term, transfer);
    }

    private void RequestVotes(MessageKind kind, Term term, bool transfer)
    {
        LogIndex last = _log.LastIndex;
        Term lastTerm = _log.LastTerm;
        foreach (PeerId peer in _tracker.Peers)
        {
            if (peer == Id || !_tracker.Voters.Contains(peer))
            {
                continue;
            }

            Message request = NewMessage(kind, peer) with
            {
                Term = term,
                LogIndex = last,
                LogTerm = lastTerm,
                Transfer = transfer,
                Priority = _config.Priority,
            };
            bool waits = kind == MessageKind.Vote;
#if PLANT_A3 // row A3: votes are asked for before the own vote is durable
            waits = false;
#endif
            if (waits)
            {
                SendAfterPersist(request);
            }
            else
            {
                Send(request);
            }
        }
    }

    private void OnVoteRequest(Message message, Instant now)
    {
        bool pre = message.Kind == MessageKind.PreVote;
        bool free = _vote == message.From || (_vote.IsNone && _leader.IsNone) || (pre && message.Term > _term);
        bool granted = free && !RefusesVote(message, now) && _log.IsUpToDate(message.LogIndex, message.LogTerm)
            && !(pre && YieldsToPriority(message));
#if PLANT_A7 // row A7: a promoted learner that does not know it yet refuses
        granted &= _tracker.Voters.Contains(Id);
#endif
        Message response = NewMessage(pre ? MessageKind.PreVoteResponse : MessageKind.VoteResponse, message.From) with
        {
            Reject = !granted,
            // A granted pre-vote answers for the term asked about; a refusal shows this peer's own, so that the other
            // follows.
            Term = granted ? message.Term : _term,
        };
        if (granted && !pre)
        {
            _vote = message.From;
            ResetElectionTimer();
#if PLANT_A1 // row A1: the vote is told before it is durable
            Send(response);
#else
            SendAfterPersist(response);
#endif
        }
        else
        {
            SendClaim(response);
        }
    }

    private bool YieldsToPriority(Message message)
    {
        if (message.Priority >= _config.Priority || !IsPromotable || _priorityRefusals >= PriorityRefusalsMax)
        {
            return false;
        }

        _priorityRefusals++;
        return true;
    }

    private void OnVoteAnswer(Message message, Instant now)
    {
        Role asked = message.Kind == MessageKind.PreVoteResponse ? Role.PreCandidate : Role.Candidate;
        Term grantedTerm = asked == Role.PreCandidate ? _term.Next() : _term;
        if (_role != asked || (!message.Reject && message.Term != grantedTerm))
        {
            return;
        }

        _tracker.RecordVote(message.From, granted: !message.Reject);
        SettleElection();
    }

    /// <summary>Term and vote became durable: if they are this candidate's, its own vote counts from now on.</summary>
    private void CountOwnVote()
    {
        if (_role == Role.Candidate && _durableHardState.Term == _term && _durableHardState.Vote == Id)
        {
            _tracker.RecordVote(Id, granted: true);
            SettleElection();
        }
    }

    private void SettleElection()
    {
        switch (_tracker.TallyVotes())
        {
            case VoteOutcome.Pending:
                break;
            case VoteOutcome.Lost:
                BecomeFollower(_term, default);
                break;
            case VoteOutcome.Won when _role == Role.PreCandidate:
                BecomeCandidate(transfer: false);
                break;
            case VoteOutcome.Won:
                BecomeLeader();
                break;
            default:
                throw Invariant.Unreachable(_role);
        }
    }

    private void BecomeFollower(Term term, PeerId leader)
    {
        Invariant.Require(term >= _term);
        LeaveRole();
        if (term > _term)
        {
            _term = term;
            _vote = default;
        }

        _role = Role.Follower;
        SetLeader(leader);
    }

    private void BecomeLeader()
    {
        Invariant.Require(_role == Role.Candidate && _durableHardState.Term == _term && _durableHardState.Vote == Id);
        LeaveRole();
        _role = Role.Leader;
        _leader = Id;
        _priorityRefusals = 0;
        _timeoutNowSent = false;
        _transferFailed = default;
        _tracker.StartProgress(_log.LastIndex.Next(), _config);
        _tracker.Find(Id)?.MaybeUpdate(_log.Persisted);
        _termStartIndex = _log.LastIndex.Next();
#if !PLANT_D1 // row D1: what the log of the term before may hold is not waited for
        // No change of membership before everything that may hold one is applied (row D1).
        _pendingConfIndex = _log.LastIndex;
#endif
        AppendOwn(EntryKind.Empty, ReadOnlyMemory<byte>.Empty, dataCrc: 0);
    }

    /// <summary>Takes apart what belongs to the role that ends, and starts the timers anew.</summary>
    private void LeaveRole()
    {
        RefuseReads();
        _tracker.DropProgress();
        _tracker.ClearVotes();
        _transferTarget = default;
        _transferTold = default;
        _flushNeeded = false;
        _uncommittedBytes = 0;
        _heartbeatElapsed = 0;
        IsAsleep = false;
        ResetElectionTimer();
    }

    private void SetLeader(PeerId leader)
    {
        _leader = leader;
        if (!leader.IsNone)
        {
            _priorityRefusals = 0;
        }
    }

    /// <summary>
    /// Draws the next timeout from [E, 2E), so that peers seldom campaign at once (Raft §9.3). A higher priority
    /// draws from the lowest fifth, a negative one from above.
    /// </summary>
    private void ResetElectionTimer()
    {
        _electionElapsed = 0;
        int spread = _random.Next(_config.ElectionTicks);
        _electionTimeout = _config.ElectionTicks + _config.Priority switch
        {
            > 0 => spread / 5,
            < 0 => _config.ElectionTicks + spread,
            _ => spread,
        };
    }
}
