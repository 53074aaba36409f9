// Owns changes of membership. A change takes effect when it is applied, on every peer at the same log index.
// Invariants:
//   one change at a time: the next is proposed only when all before it are applied here and this leader has committed
//   in its own term (rows D1, D2);
//   a peer with a committed change not yet applied does not campaign. That the commit index is durable with the
//   entries of the same write is what makes this hold after a crash;
//   a voter was a learner that had caught up (row D8).
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    private const long ScanBytesMax = 1024 * 1024;

    // Use: no change is proposed before this index is applied. Invariant: only rises in a term.
    private LogIndex _pendingConfIndex;

    // Use: these are the last appends of a leader that was taken out.
    private bool _tellsAll;

    /// <summary>
    /// Proposes a change. Refused (<see cref="ProposeOutcome.ConfChangeRefused"/>) while another is under way, before
    /// this leader has committed in its own term, when it cannot be made from the membership in force, and when it
    /// makes a voter of a peer that is not a learner with at most <see cref="RaftConfig.PromoteLagMax"/> entries to go.
    /// So is one that names nobody or has too many steps, or that leads to more peers than a membership may have: a
    /// peer that met it in the log, or in a snapshot, could not go on.
    /// </summary>
    public ProposeResult ProposeConfChange(ConfChange change, Instant now)
    {
        if (!ConfCheck.IsReadable(change))
        {
            return ProposeResult.Refused(ProposeOutcome.ConfChangeRefused);
        }

        byte[] data = change.Encode();
        ProposeOutcome outcome = CheckProposal(data.Length);
        if (outcome == ProposeOutcome.Accepted && !MayChange(change))
        {
            outcome = ProposeOutcome.ConfChangeRefused;
        }

        if (outcome != ProposeOutcome.Accepted)
        {
            return ProposeResult.Refused(outcome);
        }

        WakeLeader(now);
        return AppendConfChange(data);
    }

    /// <summary>
    /// Called when an entry of kind <see cref="EntryKind.ConfChange"/> is applied, before <see cref="OnApplied"/> for
    /// its index. Returns the membership now in force, to be made durable before anything follows from it (Truth
    /// law). A change that the layer above refuses at apply is not passed here; then nothing changes. Once a snapshot
    /// is installed, changes from below it are not passed here any more (<see cref="Ready.Snapshot"/>).
    /// </summary>
    public ConfState ApplyConfChange(ConfChange change)
    {
        if (ConfChanger.Apply(Conf, change) is not { } conf)
        {
            return Conf;
        }

        _tracker.SetConf(conf);
        if (IsLeader)
        {
            OnConfChangedWhileLeading();
        }

        return conf;
    }

    private bool MayChange(ConfChange change)
    {
        bool settled = CommittedInOwnTerm && _log.Applied >= _pendingConfIndex;
#if PLANT_D1
        settled = IsLeader && _log.Applied >= _pendingConfIndex;
#elif PLANT_D2 // row D2: the change before need not be committed
        settled = CommittedInOwnTerm;
#endif
        if (!settled
            || ConfChanger.Apply(Conf, change) is not { } next || !ConfCheck.IsValid(next))
        {
            return false;
        }

        foreach (ConfChangeStep step in change.Steps)
        {
            if (step.Kind == ConfChangeKind.AddVoter && !_tracker.Voters.Contains(step.Peer) && !IsCaughtUp(step.Peer))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsCaughtUp(PeerId peer) =>
        _tracker.Find(peer) is { State: ProgressState.Replicate, RecentActive: true } progress
        && _log.LastIndex - progress.Match <= (ulong)_config.PromoteLagMax;

    private ProposeResult AppendConfChange(byte[] data)
    {
        ProposeResult result = AppendOwn(EntryKind.ConfChange, data, Crc32C.Compute(data));
        _pendingConfIndex = result.Index;
        return result;
    }

    private void OnConfChangedWhileLeading()
    {
        if (!_tracker.Voters.Contains(Id))
        {
            // Taken out by a change that was in the log when this peer was elected. Tell the others that the change
            // is committed, or they would have to find out by an election (row D6); no lease rests on these messages,
            // so they carry no time.
            _tellsAll = true;
            FlushAppends(Instant.Zero, tellCommit: true);
            _tellsAll = false;
            BecomeFollower(_term, default);
            return;
        }

        _tracker.AlignProgress(_log.LastIndex.Next(), _config);
        _flushNeeded = true;
        if (!_transferTarget.IsNone && !_tracker.Voters.Incoming.Contains(_transferTarget))
        {
            _transferTarget = default;
            _transferTold = default;
        }

        // The quorum may be smaller than before.
        MaybeCommit();
        CompleteReads();
    }

    /// <summary>A joint configuration that its proposer marked so is left as soon as it is in force here.</summary>
    private void LeaveJointIfDue()
    {
        if (CommittedInOwnTerm && _tracker.Voters.IsJoint && Conf.AutoLeave && _log.Applied >= _pendingConfIndex
            && _tracker.Voters.Incoming.Contains(Id))
        {
            AppendConfChange(ConfChange.LeaveJoint.Encode());
        }
    }

    /// <summary>
    /// A leader that will not be a voter when the change is over hands over to one that will, tick after tick until
    /// one takes it; the new leader then leaves the joint configuration.
    /// </summary>
    private void HandOverIfLeaving(Instant now)
    {
        if (!_tracker.Voters.IsJoint || _tracker.Voters.Incoming.Contains(Id) || !_transferTarget.IsNone)
        {
            return;
        }

        PeerId heir = ChooseHeir();
        if (!heir.IsNone)
        {
            TransferLeadership(heir, now);
        }
    }

    /// <summary>
    /// The one with the most of the log; after an attempt that came to nothing the next one in turn, because the first
    /// may not be able to take it (it must not campaign before it has applied the change), and nobody can write
    /// meanwhile.
    /// </summary>
    private PeerId ChooseHeir()
    {
        Progress? best = null;
        foreach (Progress peer in _tracker.Progress)
        {
            if (!peer.RecentActive || !_tracker.Voters.Incoming.Contains(peer.Id))
            {
                continue;
            }

            bool better = best is null
                || (_transferFailed.IsNone
                    ? peer.Match > best.Match
                    : best.Id.Value <= _transferFailed.Value && peer.Id.Value > _transferFailed.Value);
            best = better ? peer : best;
        }

        return best?.Id ?? default;
    }

    /// <summary>Whether a membership change stands in the log in (after, upTo].</summary>
    private bool HasConfChange(LogIndex after, LogIndex upTo)
    {
        LogIndex from = LogIndex.Greater(after.Next(), _log.FirstIndex);
        var page = new List<Entry>();
        while (from <= upTo)
        {
            page.Clear();
            bool found = _log.Slice(from, upTo.Next(), ScanBytesMax, page);
            Invariant.Require(found, $"entry {from} is not applied and not in the log");
            foreach (Entry entry in page)
            {
                if (entry.Kind == EntryKind.ConfChange)
                {
                    return true;
                }
            }

            from = page[^1].Index.Next();
        }

        return false;
    }
}
