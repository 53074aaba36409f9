// Owns what only a leader does for its log: take entries, send them, count who has them, commit. Invariants:
//   only an entry of the leader's own term is committed by counting (Raft §5.4.2, row B1);
//   the leader counts itself only up to what its own log has made durable (row B4);
//   sending is put off to TakeReady, so that all that was proposed in one turn goes in one append per follower.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    // Use: the index of this leader's first entry; committing it opens reads and membership changes.
    private LogIndex _termStartIndex;

    // Use: payload bytes of this term's own proposals not yet handed to apply, against UncommittedBytesMax.
    // Invariant: 0 unless leading.
    private long _uncommittedBytes;

    // Use: some follower may have something to be sent. Invariant: false unless leading.
    private bool _flushNeeded;

    // Use: within one flush, followers at the same place share one read of the log.
    private LogIndex _sharedSliceFrom;
    private List<Entry>? _sharedSlice;

    private ProposeOutcome CheckProposal(int bytes)
    {
        if (!IsLeader || !_tracker.Voters.Incoming.Contains(Id))
        {
            // A leader that the change under way takes out adds nothing: its log must not grow past what the others
            // have when it goes (row D6).
            return ProposeOutcome.NotLeader;
        }

        if (!_transferTarget.IsNone)
        {
            return ProposeOutcome.Transferring;
        }

        if (bytes > _config.EntryBytesMax)
        {
            return ProposeOutcome.EntryTooLarge;
        }

        return _uncommittedBytes > 0 && _uncommittedBytes + bytes > _config.UncommittedBytesMax
            ? ProposeOutcome.TooManyUncommittedBytes
            : ProposeOutcome.Accepted;
    }

    private ProposeResult AppendOwn(EntryKind kind, ReadOnlyMemory<byte> data, uint dataCrc)
    {
        Invariant.Require(IsLeader);
        var entry = new Entry(_log.LastIndex.Next(), _term, kind, data, dataCrc);
        _log.Append(entry);
        _uncommittedBytes += data.Length;
        _flushNeeded = true;
        return new ProposeResult(ProposeOutcome.Accepted, entry.Index, entry.Term);
    }

    /// <summary>
    /// What followers may know to be committed: nothing that is not applied here (Read law). Else a read on a follower
    /// could show what a later read under this leader's lease does not show yet, when this store is slower than theirs.
    /// A leader that goes serves no reads any more and tells everything.
    /// </summary>
#if PLANT_READ_AHEAD // Read law: followers hear of commits that are not applied here
    private LogIndex CommitToTell => LogIndex.Greater(_log.Committed, _tellsAll ? _log.Committed : LogIndex.Zero);
#else
    private LogIndex CommitToTell => _tellsAll ? _log.Committed : LogIndex.Min(_log.Committed, _log.Applied);
#endif

    /// <summary>Sends every follower what its window lets through, and the risen commit if that is wanted.</summary>
    private void FlushAppends(Instant now, bool tellCommit)
    {
        _flushNeeded = false;
        foreach (Progress peer in _tracker.Progress)
        {
            if (peer.Id == Id)
            {
                continue;
            }

            while (TrySendAppend(peer, evenEmpty: false, now))
            {
                // Until the window is full or nothing is left.
            }

            if (tellCommit && peer.CanRaiseCommit(CommitToTell))
            {
                TrySendAppend(peer, evenEmpty: true, now);
            }
        }

        _sharedSlice = null;
    }

    private bool TrySendAppend(Progress peer, bool evenEmpty, Instant now)
    {
        if (peer.IsPaused)
        {
            return false;
        }

        LogIndex previous = peer.Next.Previous();
        if (!_log.TryTermAt(previous, out Term previousTerm))
        {
            return TrySendSnapshot(peer);
        }

        List<Entry>? entries = null;
        bool roomForEntries = peer.State != ProgressState.Replicate || !peer.Inflights.IsFull;
        if (roomForEntries && peer.Next <= _log.LastIndex)
        {
            entries = ReadForSending(peer.Next);
            if (entries is null)
            {
                return TrySendSnapshot(peer);
            }
        }

        if (entries is null && !evenEmpty)
        {
            return false;
        }

        Send(NewMessage(MessageKind.Append, peer.Id) with
        {
            LogIndex = previous,
            LogTerm = previousTerm,
            Entries = entries is null ? [] : entries,
            Commit = CommitToTell,
            SentAt = now,
        });
        peer.OnSent(entries?.Count ?? 0, entries is null ? 0 : BytesOf(entries));
        peer.OnCommitSent(LogIndex.Min(CommitToTell, previous + (ulong)(entries?.Count ?? 0)));
        return true;
    }

    private List<Entry>? ReadForSending(LogIndex from)
    {
        if (_sharedSlice is not null && _sharedSliceFrom == from)
        {
            return _sharedSlice;
        }

        var entries = new List<Entry>();
        if (!_log.Slice(from, _log.LastIndex.Next(), _config.AppendBytesMax, entries))
        {
            return null;
        }

        _sharedSliceFrom = from;
        _sharedSlice = entries;
        return entries;
    }

    private bool TrySendSnapshot(Progress peer)
    {
        // To a peer that does not answer a snapshot would only pin its files; one older than the log's start, or than
        // the membership that has this peer in it, would not help. The next heartbeat answer leads back here.
        if (!peer.RecentActive || _log.MaySendSnapshot() is not { } snapshot
            || snapshot.Index < _log.FirstIndex.Previous() || !Names(snapshot.Conf, peer.Id))
        {
            peer.PauseFlow();
            return false;
        }

        Invariant.Require(snapshot.Index <= _log.Committed, $"snapshot {snapshot.Index} above commit {_log.Committed}");
        peer.BecomeSnapshot(snapshot.Index);
        Send(NewMessage(MessageKind.Snapshot, peer.Id) with { Snapshot = snapshot });
        return true;
    }

    /// <summary>Commit is the lesser of ours and what the target surely holds: a heartbeat says nothing of the log
    /// before it.</summary>
    private void BroadcastHeartbeat(Instant now)
    {
        _heartbeatElapsed = 0;
        foreach (Progress peer in _tracker.Progress)
        {
            if (peer.Id == Id)
            {
                continue;
            }

            LogIndex commit = LogIndex.Min(peer.Match, CommitToTell);
#if PLANT_B3 // row B3: a heartbeat is an append too
            commit = CommitToTell;
#endif
            Send(NewMessage(MessageKind.Heartbeat, peer.Id) with
            {
                Commit = commit,
                ReadId = _readRound,
                SentAt = now,
            });
            peer.OnCommitSent(commit);
        }
    }

    private void OnAppendResponse(Message message, Instant now)
    {
        if (!IsLeader || _tracker.Find(message.From) is not { } peer)
        {
            return;
        }

        if (message.LogIndex > _log.LastIndex)
        {
            _droppedCount++;
            return;
        }

        NoteAnswer(peer, message);
        if (message.Reject)
        {
            OnAppendRejected(peer, message);
        }
        else
        {
            OnAppendAccepted(peer, message.LogIndex, now);
        }

        // Asleep nothing is sent: who lags is caught up after the waking (Sleep law).
        _flushNeeded &= !IsAsleep;
    }

    private void OnAppendRejected(Progress peer, Message message)
    {
        LogIndex hint = LogIndex.Min(message.RejectHint, message.LogIndex);
        if (message.LogTerm > Term.Zero)
        {
            // The follower's log has this term at the hint: nothing above the last place where ours is at most of
            // that term can agree. Both sides skip whole terms, so a long divergent tail costs a round per term, not
            // per entry.
            hint = _log.FindConflictByTerm(hint, message.LogTerm).Index;
        }

        if (peer.MaybeDecrease(message.LogIndex, hint))
        {
            if (peer.State == ProgressState.Replicate)
            {
                peer.BecomeProbe();
            }

            _flushNeeded = true;
        }
    }

    private void OnAppendAccepted(Progress peer, LogIndex matched, Instant now)
    {
        bool advanced = peer.MaybeUpdate(matched);
        if (!advanced && !(peer.Match == matched && peer.State == ProgressState.Probe))
        {
            return;
        }

        switch (peer.State)
        {
            case ProgressState.Probe:
                peer.BecomeReplicate();
                break;
            case ProgressState.Snapshot when peer.Match.Next() >= _log.FirstIndex:
                // Whether this snapshot arrived or an older one: the log reaches it again.
                peer.BecomeProbe();
                peer.BecomeReplicate();
                break;
            case ProgressState.Snapshot when peer.Match >= peer.PendingSnapshot:
                // It arrived, but the log was cut on meanwhile: a newer one follows (row E8).
                peer.BecomeProbe();
                break;
            case ProgressState.Snapshot:
                break;
            case ProgressState.Replicate:
                peer.Inflights.FreeTo(matched);
                break;
            default:
                throw Invariant.Unreachable(peer.State);
        }

        MaybeCommit();
        if (peer.Next <= _log.LastIndex || (_config.CommitAtOnce && peer.CanRaiseCommit(CommitToTell)))
        {
            _flushNeeded = true;
        }

        MaybeFinishTransfer(peer);
    }

    private void OnHeartbeatResponse(Message message, Instant now)
    {
        if (!IsLeader || _tracker.Find(message.From) is not { } peer)
        {
            return;
        }

        NoteAnswer(peer, message);
        if (message.ReadId <= _readRound)
        {
            peer.OnReadRoundAck(message.ReadId);
            CompleteReads();
        }

        peer.ResumeFlow();
        if (!IsAsleep && (peer.Match < _log.LastIndex || peer.State == ProgressState.Probe))
        {
            // Whatever was under way may be lost: one more message, without entries if the window is full.
            TrySendAppend(peer, evenEmpty: true, now);
            _sharedSlice = null;
        }
    }

    private static void NoteAnswer(Progress peer, Message message)
    {
        peer.RecentActive = true;
        peer.OnKnownCommit(message.Commit);
        peer.OnLeaseAck(message.SentAt);
    }

    /// <summary>Commits what a quorum has durable, if it is of this term.</summary>
    private void MaybeCommit()
    {
        LogIndex quorum = _tracker.QuorumMatch();
#if PLANT_B1 // row B1: an entry of an older term is committed by counting
        if (!_log.CommitTo(quorum))
        {
            return;
        }
#else
        if (quorum < _termStartIndex || !_log.CommitTo(quorum))
        {
            return;
        }

        Invariant.Require(_log.Matches(quorum, _term), $"entry {quorum} is not of term {_term}");
#endif
        _flushNeeded |= _config.CommitAtOnce;
    }

    /// <summary>The transport lost messages to <paramref name="peer"/>: what is in flight cannot be counted
    /// on.</summary>
    public void OnUnreachable(PeerId peer)
    {
        if (IsLeader && _tracker.Find(peer) is { State: ProgressState.Replicate } progress && peer != Id)
        {
            progress.BecomeProbe();
        }
    }

    /// <summary>
    /// How the sending of a snapshot ended. Until then nothing else is sent to <paramref name="peer"/>, unless its
    /// answer shows that the snapshot arrived, or <see cref="RaftConfig.SnapshotTicks"/> have passed (row E8).
    /// </summary>
    public void OnSnapshotReport(PeerId peer, bool ok)
    {
        if (!IsLeader || _tracker.Find(peer) is not { State: ProgressState.Snapshot } progress)
        {
            return;
        }

        if (ok)
        {
            progress.BecomeProbe();
        }
        else
        {
            progress.OnSnapshotFailed();
        }

        // Sent is not yet installed, and a failed way is not tried again at once: wait for the next heartbeat's answer.
        progress.PauseFlow();
    }

    /// <summary>A snapshot that was lost without a report must not leave its peer behind for ever (row E8).</summary>
    private void TickSnapshots()
    {
        foreach (Progress peer in _tracker.Progress)
        {
            if (peer.State == ProgressState.Snapshot && ++peer.SnapshotElapsed >= _config.SnapshotTicks)
            {
                OnSnapshotReport(peer.Id, ok: false);
            }
        }
    }

    private static long BytesOf(List<Entry> entries)
    {
        long bytes = 0;
        foreach (Entry entry in entries)
        {
            bytes += entry.Data.Length;
        }

        return bytes;
    }
}
