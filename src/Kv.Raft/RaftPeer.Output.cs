// Owns what leaves the core: the Ready, and which messages wait for the disk. Three ways to send:
//   Send, at once, beside the write:
//     Append, Heartbeat, Snapshot, TimeoutNow, ReadIndexResponse of a leader: its term and its own vote were durable
//     before it led, and it does not count its own log before that is durable, so nobody relies on what its disk may
//     lose;
//     PreVote: binds nobody, and what it claims is asked again, durably, by the Vote;
//     ReadIndex: a question.
//   SendClaim, at once when term and vote are durable, else after the write:
//     HeartbeatResponse and refusals: they show this peer's term and acknowledge a leader of it, but claim nothing of
//     the log. The promise they make needs no disk: a start promises anew (Lease law). During a snapshot install they
//     wait too (Snapshot law: until it is done the peer acknowledges nothing).
//   SendAfterPersist, when everything accepted so far is durable:
//     Vote: others' answers rest on the term, on the own vote, and on the log it claims (row A3);
//     VoteResponse that grants: a vote forgotten is a vote given twice (row A1);
//     AppendResponse that accepts: the leader counts it as durable (row B4).
// Invariant: writes complete in order, so a message released by write n finds everything before n durable.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    private readonly record struct HeldMessage(ulong Number, Message Message);

    // Use: what the last write carried, to see what changed. Invariant: at or ahead of the durable one.
    private HardState _handedHardState;
    private HardState _durableHardState;
    private ulong _lastPersistNumber;

    private List<Message>? _messages;
    private List<Message>? _afterPersist;

    // Use: messages that wait for a write handed out earlier, because no newer one follows. Invariant: numbers rise.
    private List<HeldMessage>? _held;

    // Use: pages given to apply and not yet applied, oldest first, to bound what waits there.
    private Queue<(LogIndex Last, long Bytes)>? _applyPages;
    private long _applyBytes;

    /// <summary>Whether <see cref="TakeReady"/> would give something to do.</summary>
    public bool HasReady =>
        _messages is not null || _afterPersist is not null || _readStates is not null || _flushNeeded
        || _newReads is not null || _log.Unstable.HasUnhanded || TermOrVoteChanged || MayHandToApply;

    /// <summary>Whether committed entries wait for others to be applied (<see cref="OnApplied"/>).</summary>
    public bool HoldsBackCommitted => _log.Applicable > _log.HandedToApply && !MayHandToApply;

    /// <summary>Everything to be done since the last call; see <see cref="Ready"/>. The lists are the
    /// caller's.</summary>
    public Ready TakeReady(Instant now)
    {
        if (_newReads is not null)
        {
            StartReadRound(now);
        }

        if (_flushNeeded)
        {
            FlushAppends(now, _config.CommitAtOnce);
        }

        ulong number = 0;
        HardState? hardState = null;
        IReadOnlyList<Entry> entries = [];
        SnapshotMeta? snapshot = null;
        if (_log.Unstable.HasUnhanded || TermOrVoteChanged)
        {
            var current = new HardState(_term, _vote, _log.Committed);
            hardState = current == _handedHardState ? null : current;
            _handedHardState = current;
            number = ++_lastPersistNumber;
            (entries, snapshot) = _log.Unstable.HandOut(number, current);
        }

        IReadOnlyList<Message> afterPersist = TakeAfterPersist(number);
        List<Message>? messages = _messages;
        List<ReadState>? readStates = _readStates;
        _messages = null;
        _readStates = null;
        return new Ready
        {
            HardState = hardState,
            Entries = entries,
            Snapshot = snapshot,
            Messages = messages is null ? [] : messages,
            MessagesAfterPersist = afterPersist,
            CommittedEntries = TakeCommitted(),
            ReadStates = readStates is null ? [] : readStates,
            MustSync = number != 0,
            PersistNumber = number,
        };
    }

    /// <summary>
    /// The write of the Ready with this number, and all before it, are durable. A number reported before changes
    /// nothing. What was overwritten since it was handed out does not become stable by it (row B6).
    /// </summary>
    public void OnPersisted(ulong persistNumber, Instant now)
    {
        Invariant.Require(persistNumber <= _lastPersistNumber, $"write {persistNumber} was never handed out");
        if (_log.OnPersisted(persistNumber, out SnapshotMeta? installed) is not { } newest)
        {
            return;
        }

        if (installed is not null)
        {
#if !PLANT_D4 // row D4: the membership stays that of the old log
            // Not before: until then apply may still make changes that stand in the old log (row D4).
            _tracker.SetConf(installed.Conf);
#endif
        }

        _durableHardState = newest.HardState;
        ReleaseHeld(persistNumber);
        CountOwnVote();
        if (IsLeader && _tracker.Find(Id) is { } self && self.MaybeUpdate(_log.Persisted))
        {
            MaybeCommit();
        }
    }

    private bool TermOrVoteChanged => _term != _handedHardState.Term || _vote != _handedHardState.Vote;

    private bool TermAndVoteDurable => _term == _durableHardState.Term && _vote == _durableHardState.Vote;

    private bool MayHandToApply =>
        _log.Applicable > _log.HandedToApply
        && (_applyBytes < _config.CommittedBytesPerReadyMax || _applyPages is not { Count: > 0 });

    private void Send(Message message) => (_messages ??= []).Add(message);

    private void SendClaim(Message message)
    {
        if (TermAndVoteDurable && _log.Unstable.Snapshot is null)
        {
            Send(message);
        }
        else
        {
            AddAfterPersist(message);
        }
    }

    private void SendAfterPersist(Message message)
    {
        if (TermAndVoteDurable && !_log.Unstable.HasUnhanded && !_log.Unstable.HasPendingWrites)
        {
            Send(message);
        }
        else
        {
            AddAfterPersist(message);
        }
    }

    /// <summary>
    /// An acceptance takes the place of the one just before it that says less: all of them would be sent in the same
    /// moment.
    /// </summary>
    private void AddAfterPersist(Message message)
    {
        _afterPersist ??= [];
        if (_afterPersist.Count > 0 && Supersedes(message, _afterPersist[^1]))
        {
            _afterPersist[^1] = message;
        }
        else
        {
            _afterPersist.Add(message);
        }
    }

    private static bool Supersedes(Message newer, Message older) =>
        newer.Kind == older.Kind && newer.To == older.To && newer.Term == older.Term && !newer.Reject && !older.Reject
        && newer.SentAt >= older.SentAt
        && ((newer.Kind == MessageKind.AppendResponse && newer.LogIndex >= older.LogIndex)
            || (newer.Kind == MessageKind.HeartbeatResponse && newer.ReadId >= older.ReadId));

    private IReadOnlyList<Message> TakeAfterPersist(ulong number)
    {
        if (_afterPersist is not { } waiting)
        {
            return [];
        }

        _afterPersist = null;
        if (number != 0)
        {
            return waiting;
        }

        if (!_log.Unstable.HasPendingWrites)
        {
            // What they waited for became durable in the meantime.
            (_messages ??= []).AddRange(waiting);
            return [];
        }

        _held ??= [];
        foreach (Message message in waiting)
        {
            if (_held.Count > 0 && _held[^1].Number == _lastPersistNumber && Supersedes(message, _held[^1].Message))
            {
                _held[^1] = new HeldMessage(_lastPersistNumber, message);
            }
            else
            {
                _held.Add(new HeldMessage(_lastPersistNumber, message));
            }
        }

        return [];
    }

    private void ReleaseHeld(ulong number)
    {
        int released = 0;
        while (_held is not null && released < _held.Count && _held[released].Number <= number)
        {
            Send(_held[released].Message);
            released++;
        }

        if (_held is not null && released > 0)
        {
            _held.RemoveRange(0, released);
            _held = _held.Count == 0 ? null : _held;
        }
    }

    private IReadOnlyList<Entry> TakeCommitted()
    {
        if (!MayHandToApply)
        {
            return [];
        }

        List<Entry> page = _log.TakeCommitted(_config.CommittedBytesPerReadyMax);
        long bytes = 0;
        foreach (Entry entry in page)
        {
            bytes += entry.Data.Length;
            if (IsLeader && entry.Index >= _termStartIndex)
            {
                _uncommittedBytes -= entry.Data.Length;
            }
        }

        _applyPages ??= new Queue<(LogIndex Last, long Bytes)>();
        _applyPages.Enqueue((page[^1].Index, bytes));
        _applyBytes += bytes;
        return page;
    }

    private void ReleaseApplyBytes()
    {
        while (_applyPages is { Count: > 0 } && _applyPages.Peek().Last <= _log.Applied)
        {
            _applyBytes -= _applyPages.Dequeue().Bytes;
        }

        if (_applyPages is { Count: 0 })
        {
            _applyPages = null;
        }
    }
}
