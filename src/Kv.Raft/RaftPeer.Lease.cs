// Owns both sides of the lease (Lease law): the leader's right to answer reads alone, and the voters' promise that
// makes it true. Everything here is counted in Instants of this store's own clock, never in ticks: a paused process
// counts no ticks. Why it holds: a lease that ends at S + D rests on a quorum that acknowledged messages sent at S or
// later. Each of them, from its acknowledgement on, helps elect nobody for D plus drift, a restart included; any new
// leader needs one of them.
using Kv.Base;

namespace Kv.Raft;

public sealed partial class RaftPeer
{
    // Use: before this nobody gets this peer's vote or pre-vote, itself included (a transfer excepted). Invariant:
    // only rises.
    private Instant _promiseEnd;

    // Use: the promise in force is only the one a start makes; the config may exempt one peer from it (Split law).
    private bool _promiseIsOfStart;

    // Use: a TimeoutNow went out in this term, so another peer may be elected past all promises (Transfer law).
    private bool _timeoutNowSent;

    /// <summary>Until when this peer, as a voter, elects nobody.</summary>
    public Instant PromiseEnd => _promiseEnd;

    /// <summary>
    /// Until when this leader may answer reads without asking anyone; Zero when it may not: not leading, asleep,
    /// transferring, or after a <c>TimeoutNow</c> in this term. The owner publishes it before it sends the messages
    /// of the same Ready. A sole voter's lease is always <paramref name="now"/> plus D.
    /// </summary>
    public Instant LeaseEnd(Instant now)
    {
        bool givenUp = _timeoutNowSent || !_transferTarget.IsNone;
#if PLANT_TRANSFER_LEASE // Transfer law: the lease is kept while leadership is handed over
        givenUp = false;
#endif
        if (!IsLeader || IsAsleep || givenUp || _config.LeaseMs == 0)
        {
            return Instant.Zero;
        }

        Instant sentAt = _tracker.QuorumAckedSentAt(Id, now);
        return sentAt == Instant.Zero ? Instant.Zero : sentAt.PlusMs(_config.LeaseMs);
    }

    /// <summary>
    /// A start promises what the life before may have promised. A sole voter owes no one, unless its log may hold a
    /// change that gave it company.
    /// </summary>
    private void StartPromise()
    {
        if (_config.LeaseMs == 0 || (_tracker.Voters.IsSoleVoter(Id) && !HasConfChange(_log.Applied, _log.LastIndex)))
        {
            return;
        }

#if !PLANT_LEASE_RESTART // Lease law: a restart forgets what was promised
        _promiseEnd = _config.StartedAt.PlusMs(_config.LeaseMs + _config.LeaseDriftMs);
#endif
        _promiseIsOfStart = true;
    }

#if PLANT_LEASE_TICKS
    private Instant _tickedAt;

    private void CountTick(Instant now)
    {
        long uncounted = now.Nanoseconds - _tickedAt.Nanoseconds - 150_000_000;
        foreach (Progress peer in _tracker.Progress)
        {
            if (_tickedAt != Instant.Zero && uncounted > 0 && peer.AckedSentAt != Instant.Zero)
            {
                peer.OnLeaseAck(peer.AckedSentAt.PlusNs(uncounted));
            }
        }

        _tickedAt = now;
    }
#endif

#if PLANT_LEASE_TERM // Lease law: a heartbeat of its store counts for each of its regions, in whatever term
    public void OnStoreAlive(PeerId peer, Instant now) => _tracker.Find(peer)?.OnLeaseAck(now);
#endif

    /// <summary>A message of this term's leader is being acknowledged, be it with a refusal.</summary>
    private void RenewPromise(Instant now)
    {
        if (_config.LeaseMs > 0)
        {
            _promiseEnd = Instant.Later(_promiseEnd, now.PlusMs(_config.LeaseMs + _config.LeaseDriftMs));
            _promiseIsOfStart = false;
        }
    }

    private bool PromiseForbids(PeerId candidate, Instant now) =>
        now < _promiseEnd && !(_promiseIsOfStart && candidate == _config.FirstLeader && !candidate.IsNone);

    /// <summary>
    /// Whether a vote or pre-vote must be refused whatever the logs say: because of the promise, or because this peer
    /// is in touch with a leader, so that an election would only disturb. The second is counted in ticks and never
    /// holds up a sleeping group: sleep and wake forget the contact.
    /// </summary>
    private bool RefusesVote(Message message, Instant now)
    {
        if (message.Transfer)
        {
            return false;
        }

        if (IsLeader)
        {
            return !IsAsleep && (_config.CheckQuorum || LeaseEnd(now) > now);
        }

        return PromiseForbids(message.From, now)
            || (_config.CheckQuorum && !_leader.IsNone && _ticksSinceContact < _config.ElectionTicks);
    }
}
