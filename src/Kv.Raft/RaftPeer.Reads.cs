// Owns ReadIndex (Raft dissertation §6.4): a read is linearizable at the commit index of a leader that proves, by a
// heartbeat round begun after the read arrived, that it led then. Invariants:
//   a round's number is never used twice in this peer's life; a read counts only rounds begun after it came (row C3);
//   no read is answered before this leader has committed in its own term (row C2);
//   a change of role or leader refuses what waits: it is never answered from the new state.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    private readonly record struct PendingRead(
        ulong Round, LogIndex Index, PeerId Origin, ulong ReadId, Instant SentAt);

    // Use: the number of the newest round; heartbeats carry it. Invariant: only rises.
    private ulong _readRound;

    // Use: reads that came since the last round began; they make the next one.
    private List<PendingRead>? _newReads;

    // Use: reads whose round is under way. Invariant: rounds rise from front to back.
    private Queue<PendingRead>? _waitingReads;

    // Use: what this follower asked its leader and was not yet answered; only these answers are believed. Bounded by
    // PendingReadsMax, and cleared of what was lost: AskedAt counts ticks. Invariant: oldest first.
    private List<(ulong ReadId, Instant SentAt, long AskedAt)>? _forwardedReads;
    private long _ticks;

    private List<ReadState>? _readStates;

    /// <summary>
    /// Asks for a linearizable read. The answer is a <see cref="ReadState"/> with this id in some later Ready; a
    /// follower's may get lost with a message, so its asker waits with a limit and retries under a fresh id. Ids must
    /// be unique over all lives of the asking peer: take the store's incarnation into them. False = refused now: no
    /// leader, a leader that has not committed in its own term, or too many waiting.
    /// </summary>
    public bool ReadIndex(ulong readId, Instant now)
    {
        if (IsLeader)
        {
            if (!CommittedInOwnTerm || PendingReadCount >= _config.PendingReadsMax)
            {
                return false;
            }

            if (_tracker.Voters.IsSoleVoter(Id))
            {
                AddReadState(new ReadState(readId, IndexToRead, Refused: false));
                return true;
            }

            WakeLeader(now);
            (_newReads ??= []).Add(new PendingRead(0, LogIndex.Zero, Id, readId, now));
            return true;
        }

        if (_role != Role.Follower || _leader.IsNone || (_forwardedReads?.Count ?? 0) >= _config.PendingReadsMax)
        {
            return false;
        }

        WakeFollower();
        (_forwardedReads ??= []).Add((readId, now, _ticks));
        Send(NewMessage(MessageKind.ReadIndex, _leader) with { ReadId = readId, SentAt = now });
        return true;
    }

    /// <summary>
    /// What a read that comes now must show: whatever was answered before it was applied here, or by a leader before
    /// this one (dissertation §6.4 takes the commit index; followers hear of no more than this, see CommitToTell).
    /// </summary>
#if PLANT_READ_AHEAD
    private LogIndex IndexToRead => _log.Committed;
#else
    private LogIndex IndexToRead => _log.Applied >= _termStartIndex ? _log.Applied : _log.Committed;
#endif

    private int PendingReadCount => (_newReads?.Count ?? 0) + (_waitingReads?.Count ?? 0);

    private void OnReadIndex(Message message)
    {
        var read = new PendingRead(0, LogIndex.Zero, message.From, message.ReadId, message.SentAt);
        if (!CommittedInOwnTerm || !_tracker.IsKnown(message.From) || PendingReadCount >= _config.PendingReadsMax)
        {
            RefuseRead(read);
        }
        else if (_tracker.Voters.IsSoleVoter(Id))
        {
            AnswerRead(read with { Index = IndexToRead });
        }
        else
        {
            (_newReads ??= []).Add(read);
        }
    }

    private void OnReadIndexResponse(Message message)
    {
        if (message.From != _leader || _forwardedReads is null)
        {
            return;
        }

        int at = _forwardedReads.FindIndex(read => read.ReadId == message.ReadId && read.SentAt == message.SentAt);
        if (at < 0)
        {
            return;
        }

        _forwardedReads.RemoveAt(at);
        AddReadState(new ReadState(message.ReadId, message.LogIndex, Refused: message.Reject));
    }

    /// <summary>One heartbeat round for all reads that came since the last.</summary>
    private void StartReadRound(Instant now)
    {
        Invariant.Require(CommittedInOwnTerm && _newReads is { Count: > 0 });
        _readRound++;
        _waitingReads ??= new Queue<PendingRead>();
        foreach (PendingRead read in _newReads)
        {
            _waitingReads.Enqueue(read with { Round = _readRound, Index = IndexToRead });
        }

        _newReads = null;
        BroadcastHeartbeat(now);
    }

    private void CompleteReads()
    {
        if (_waitingReads is not { Count: > 0 })
        {
            return;
        }

        ulong proved = _tracker.QuorumReadRound(Id, _readRound);
        while (_waitingReads.Count > 0 && _waitingReads.Peek().Round <= proved)
        {
            AnswerRead(_waitingReads.Dequeue());
        }

        if (_waitingReads.Count == 0)
        {
            _waitingReads = null;
        }
    }

    private void AnswerRead(PendingRead read)
    {
        if (read.Origin == Id)
        {
            AddReadState(new ReadState(read.ReadId, read.Index, Refused: false));
        }
        else
        {
            Send(NewMessage(MessageKind.ReadIndexResponse, read.Origin) with
            {
                ReadId = read.ReadId,
                SentAt = read.SentAt,
                LogIndex = read.Index,
            });
        }
    }

    private void RefuseRead(PendingRead read)
    {
        if (read.Origin == Id)
        {
            AddReadState(new ReadState(read.ReadId, LogIndex.Zero, Refused: true));
        }
        else
        {
            Send(NewMessage(MessageKind.ReadIndexResponse, read.Origin) with
            {
                ReadId = read.ReadId,
                SentAt = read.SentAt,
                Reject = true,
            });
        }
    }

    private void RefuseReads()
    {
        foreach (PendingRead read in _waitingReads ?? [])
        {
#if PLANT_C4 // row C4: leadership ends and a read is ready in one step, and the read is taken
            AnswerRead(read);
#else
            RefuseRead(read);
#endif
        }

        foreach (PendingRead read in _newReads ?? [])
        {
            RefuseRead(read);
        }

        _waitingReads = null;
        _newReads = null;
        RefuseForwardedReads();
    }

    private void RefuseForwardedReads()
    {
        foreach ((ulong readId, _, _) in _forwardedReads ?? [])
        {
            AddReadState(new ReadState(readId, LogIndex.Zero, Refused: true));
        }

        _forwardedReads = null;
    }

    /// <summary>What was not answered for two election intervals is lost: question or answer.</summary>
    private void TickForwardedReads()
    {
        _ticks++;
        int lost = 0;
        while (_forwardedReads is not null && lost < _forwardedReads.Count
            && _ticks - _forwardedReads[lost].AskedAt >= 2L * _config.ElectionTicks)
        {
            AddReadState(new ReadState(_forwardedReads[lost].ReadId, LogIndex.Zero, Refused: true));
            lost++;
        }

        if (lost > 0)
        {
            _forwardedReads!.RemoveRange(0, lost);
            _forwardedReads = _forwardedReads.Count == 0 ? null : _forwardedReads;
        }
    }

    private void AddReadState(ReadState state) => (_readStates ??= []).Add(state);
}
