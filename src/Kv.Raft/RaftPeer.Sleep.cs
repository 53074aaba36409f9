// Owns what sleep means to the core (Sleep law). The store decides when; asleep means: no ticks, nothing sent, no
// lease. A leader's lease begins anew with the first round after waking; a follower keeps its leader's name, and its
// promise runs out by the clock, so that store silence lets the group elect at once.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    /// <summary>
    /// Whether this peer sleeps. Messages (answers excepted), proposals, reads, <see cref="Campaign"/> and
    /// <see cref="TransferLeadership"/> wake it: look again after any of them and give it ticks.
    /// </summary>
    public bool IsAsleep { get; private set; }

    /// <summary>
    /// For a leader: nothing is under way, everything is committed, applied and durable here, and each peer among
    /// <paramref name="livePeers"/> (those on stores known to live) holds the same last index and said that it knows
    /// the commit. Peers not named are left to be caught up when their store starts anew. False for everyone else.
    /// </summary>
    public bool CanSleep(ReadOnlySpan<PeerId> livePeers)
    {
        LogIndex last = _log.LastIndex;
        if (!CommittedInOwnTerm || _log.Committed != last || _log.Persisted != last || _log.Applied != last
            || !_transferTarget.IsNone || PendingReadCount > 0 || _tracker.Voters.IsJoint)
        {
            return false;
        }

        foreach (Progress peer in _tracker.Progress)
        {
            bool level = peer.Match == last && peer.KnownCommit == last;
            if (peer.Id != Id && !level && PeerIdSet.Contains(livePeers, peer.Id))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Goes to sleep. Requires leader or follower; a candidate has work to do.</summary>
    public void Sleep()
    {
        Invariant.Require(_role is Role.Leader or Role.Follower && PendingReadCount == 0);
        IsAsleep = true;
        _flushNeeded = false;
        ForgetContact();
    }

    /// <summary>
    /// Wakes: a leader takes all peers for active and sends a heartbeat at once; a follower starts its election timer
    /// anew. Nothing happens when awake.
    /// </summary>
    public void Wake(Instant now)
    {
        if (IsLeader)
        {
            WakeLeader(now);
        }
        else
        {
            WakeFollower();
        }
    }

    private void WakeFollower()
    {
        if (IsAsleep)
        {
            IsAsleep = false;
            ResetElectionTimer();
        }
    }

    private void WakeLeader(Instant now)
    {
        if (!IsAsleep)
        {
            return;
        }

        IsAsleep = false;
        _electionElapsed = 0;
        _flushNeeded = true;
        foreach (Progress peer in _tracker.Progress)
        {
            peer.RecentActive = true;
        }

        BroadcastHeartbeat(now);
    }

    private void ForgetContact()
    {
        _ticksSinceContact = int.MaxValue;
        foreach (Progress peer in _tracker.Progress)
        {
            peer.ForgetLeaseAck();
        }
    }
}
