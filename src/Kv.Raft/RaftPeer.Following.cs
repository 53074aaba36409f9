// Owns what a follower does with its leader's log. Invariants:
//   an entry that agrees with the leader's is never cut, however old the append (row B2);
//   the commit rises only to what this append is known to cover (row B3);
//   what is acknowledged as held is durable first (Output); what is acknowledged as heard renews the promise (Lease
//   law).
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    private void OnAppend(Message message, Instant now)
    {
        if (!FollowLeader(message, now))
        {
            return;
        }

        if (message.LogIndex < _log.Committed)
        {
            // An old append; everything up to the commit agrees with every leader. Sent again for the lease's sake.
            AcknowledgeAppend(message, _log.Committed);
            return;
        }

        if (!_log.Matches(message.LogIndex, message.LogTerm))
        {
            RejectAppend(message);
            return;
        }

        int skip = FirstNewEntry(message.Entries);
#if PLANT_B2 // row B2: what is there already is written again, and what stands behind it goes
        skip = message.Entries.TakeWhile(entry => entry.Index <= _log.Committed).Count();
#endif
        if (skip < message.Entries.Count)
        {
            if (message.Entries[skip].Index <= _log.Committed)
            {
                // No leader contradicts what is committed: the sender is broken. Nothing of it is believed.
                _droppedCount++;
                return;
            }

            _log.Append(message.Entries, skip);
        }

        LogIndex lastNew = message.LogIndex + (ulong)message.Entries.Count;
#if PLANT_B3 // row B3: the commit rises to what the log holds, not to what the append covers
        _log.CommitTo(LogIndex.Min(message.Commit, _log.LastIndex));
#else
        _log.CommitTo(LogIndex.Min(message.Commit, lastNew));
#endif
        AcknowledgeAppend(message, lastNew);
    }

    private void OnHeartbeat(Message message, Instant now)
    {
        if (!FollowLeader(message, now))
        {
            return;
        }

#if PLANT_B3
        message = message with { Commit = LogIndex.Min(message.Commit, _log.LastIndex) };
#endif
        if (message.Commit > _log.LastIndex)
        {
            // The leader knows this peer to hold what it does not hold: its log lost something, or the sender is
            // broken.
            _droppedCount++;
            return;
        }

        _log.CommitTo(message.Commit);
        SendClaim(NewMessage(MessageKind.HeartbeatResponse, message.From) with
        {
            ReadId = message.ReadId,
            SentAt = message.SentAt,
            LogIndex = _log.Persisted,
            Commit = _log.Committed,
        });
    }

    private void OnSnapshot(Message message, Instant now)
    {
        if (!FollowLeader(message, now))
        {
            return;
        }

        SnapshotMeta snapshot = message.Snapshot!;
        if (snapshot.Index <= _log.Committed)
        {
            // Older than what is here (row E3): only say where this log stands.
            AcknowledgeAppend(message, _log.Committed);
            return;
        }

        if (_log.Matches(snapshot.Index, snapshot.Term))
        {
            // The log holds all of it: no need to install, only to commit.
            _log.CommitTo(snapshot.Index);
            AcknowledgeAppend(message, snapshot.Index);
            return;
        }

        if (!Names(snapshot.Conf, Id))
        {
            _droppedCount++;
            return;
        }

        _log.Restore(snapshot);
        _applyPages?.Clear();
        _applyBytes = 0;
        AcknowledgeAppend(message, snapshot.Index);
    }

    /// <summary>The sender leads in this term: follow it and renew the promise. False = impossible, dropped.</summary>
    private bool FollowLeader(Message message, Instant now)
    {
        if (IsLeader || (!_leader.IsNone && _leader != message.From))
        {
            // Two leaders in one term cannot be; whoever sent this is not to be believed.
            _droppedCount++;
            return false;
        }

        if (_role == Role.Follower)
        {
            SetLeader(message.From);
            _electionElapsed = 0;
        }
        else
        {
            BecomeFollower(_term, message.From);
        }

        _ticksSinceContact = 0;
        RenewPromise(now);
        return true;
    }

    /// <summary>The first entry that is not already in the log with the same term; the count when all are.</summary>
    private int FirstNewEntry(IReadOnlyList<Entry> entries)
    {
        int at = 0;
        while (at < entries.Count && _log.Matches(entries[at].Index, entries[at].Term))
        {
            at++;
        }

        return at;
    }

    private void AcknowledgeAppend(Message message, LogIndex held)
    {
        Invariant.Require(held <= _log.LastIndex);
        Message response = NewMessage(MessageKind.AppendResponse, message.From) with
        {
            LogIndex = held,
            SentAt = message.SentAt,
            Commit = _log.Committed,
        };
#if PLANT_B4 // row B4: acknowledged before it is durable
        Send(response);
#else
        SendAfterPersist(response);
#endif
    }

    private void RejectAppend(Message message)
    {
        LogIndex hint = LogIndex.Min(message.LogIndex, _log.LastIndex);
        (LogIndex hintIndex, Term hintTerm) = _log.FindConflictByTerm(hint, message.LogTerm);
        SendClaim(NewMessage(MessageKind.AppendResponse, message.From) with
        {
            Reject = true,
            LogIndex = message.LogIndex,
            RejectHint = hintIndex,
            LogTerm = hintTerm,
            SentAt = message.SentAt,
            Commit = _log.Committed,
        });
    }

    private static bool Names(ConfState conf, PeerId peer) =>
        conf.Voters.Contains(peer) || conf.VotersOutgoing.Contains(peer) || conf.Learners.Contains(peer)
        || conf.LearnersNext.Contains(peer);
}
