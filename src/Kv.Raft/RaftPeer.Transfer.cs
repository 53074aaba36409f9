// Owns the handing over of leadership (Transfer law): bring the target up to date, tell it to campaign at once, and
// serve no lease read from then to the end of the term, whether the target wins, loses, or never got the message.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    // Use: whom leadership is being handed to; none otherwise. Invariant: none unless leading.
    private PeerId _transferTarget;
    private int _transferElapsed;

    // Use: the target that was sent TimeoutNow in this attempt, so that it is sent once.
    private PeerId _transferTold;

    // Use: the last target of this term that did not take it in time; a leader that must go asks another one next.
    private PeerId _transferFailed;

    public PeerId TransferTarget => _transferTarget;

    /// <summary>
    /// Hands leadership to a voter. Proposals are refused until it is done or given up after
    /// <see cref="RaftConfig.TransferTicks"/>. Does nothing when this peer does not lead, or the target is itself, a
    /// learner, or already the target.
    /// </summary>
    public void TransferLeadership(PeerId target, Instant now)
    {
        if (!IsLeader || target == Id || target == _transferTarget || !_tracker.Voters.Incoming.Contains(target)
            || _tracker.Find(target) is not { } progress)
        {
            return;
        }

        WakeLeader(now);
        _transferTarget = target;
        _transferTold = default;
        _transferElapsed = 0;
        _flushNeeded = true;
        MaybeFinishTransfer(progress);
    }

    private void MaybeFinishTransfer(Progress peer)
    {
        if (peer.Id != _transferTarget || peer.Match != _log.LastIndex || _transferTold == _transferTarget)
        {
            return;
        }

        _transferTold = _transferTarget;
        _timeoutNowSent = true;
        Send(NewMessage(MessageKind.TimeoutNow, peer.Id));
    }

    private void TickTransfer()
    {
        if (!_transferTarget.IsNone && ++_transferElapsed >= _config.TransferTicks)
        {
            // Given up: proposals go on, the lease does not come back in this term if TimeoutNow went out.
            _transferFailed = _transferTarget;
            _transferTarget = default;
            _transferTold = default;
        }
    }

    private void OnTimeoutNow(Message message, Instant now)
    {
        // Equal terms only (Step saw to higher and lower ones), and only from the leader this peer follows.
        if (_role == Role.Follower && _leader == message.From && IsPromotable)
        {
            StartCampaign(transfer: true);
        }
    }
}
