using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Store.Apply;

namespace Kv.Store.Raft;

/// <summary>
/// Heartbeats between stores. Silence never extends a lease and never shortens a promise: it only wakes the regions the
/// silent store led and lets them elect, paced (Sleep law). A heartbeat proves progress of this store's loops and disk
/// (Progress law).
/// </summary>
internal sealed partial class RaftLoop
{
    private const int CampaignRankMs = 300;
    private const int CampaignJitterMs = 100;

    private readonly SortedDictionary<StoreId, StoreContact> _contacts = [];
    private readonly PriorityQueue<StorePeer, (long Due, ulong Region)> _campaigns = new();
    private readonly Queue<StorePeer> _toWake = new();
    private Instant _lastTick;
    private Instant _heartbeatSent;
    private ulong _pingSent;
    private ulong _pingAnswered;
    private Instant _applyTurnedAt;
    private Instant _logHandedAt;
    private bool _stalled;
    private long _heartbeatsWithheld;

    /// <summary>Heartbeats not sent because a loop or the log had not moved (Progress law).</summary>
    public long HeartbeatsWithheld => Volatile.Read(ref _heartbeatsWithheld);

    private bool IsAlive(StoreId store) =>
        store == _context.Id || !_contacts.TryGetValue(store, out StoreContact? contact) || !contact.Silent;

    private void OnStoreHeartbeat(StoreId from, StoreHeartbeat heartbeat)
    {
        if (heartbeat.Info is not { } info || info.Id != from.Value)
        {
            _droppedMessages++;
            return;
        }

        StoreContact contact = ContactOf(from);
        bool startedAnew = info.Incarnation > contact.Incarnation;
        contact.LastHeard = _now;
        contact.Incarnation = Math.Max(contact.Incarnation, info.Incarnation);
        bool wasSilent = contact.Silent;
        contact.Silent = false;
#if PLANT_LEASE_TERM
        foreach (StorePeer led in _peers.Values.Where(peer => peer.Core.IsLeader))
        {
            led.Core.OnStoreAlive(led.Handle.Descriptor.PeerOn(from)?.Id ?? default, _now);
            Touch(led);
        }
#endif
        _stores.Learn(info);
        foreach (StoreInfo known in heartbeat.KnownStores)
        {
            _stores.Learn(known);
        }

        _stores.LearnSystemLeader(new StoreId(heartbeat.SystemLeaderStore), heartbeat.SystemTerm);
        if (startedAnew || wasSilent)
        {
            StoreLog.StoreHeard(_context.Logger, from.Value, info.Incarnation);
            OnStoreBack(from, startedAnew);
        }
    }

    /// <summary>
    /// A store is back or started anew. Leaders that slept wake and bring its peers up to date; peers that slept under
    /// a leader over there wake, since a store that started anew remembers no leadership.
    /// </summary>
    private void OnStoreBack(StoreId store, bool startedAnew)
    {
        foreach (StorePeer peer in _peers.Values)
        {
            if (peer.Sleep != SleepPhase.Asleep || peer.Handle.Descriptor.PeerOn(store) is null)
            {
                continue;
            }

            if (startedAnew || peer.SleptWithout.Contains(store))
            {
                _toWake.Enqueue(peer);
            }
        }
    }

    private StoreContact ContactOf(StoreId store)
    {
        if (!_contacts.TryGetValue(store, out StoreContact? contact))
        {
            contact = new StoreContact { LastHeard = _now };
            _contacts.Add(store, contact);
        }

        return contact;
    }

    private void TickLiveness()
    {
        // A tick that comes late means that this process did not run: silence of others during that time says nothing.
        if (_now.MsSince(_lastTick) > _options.TickMs * 5L)
        {
            foreach (StoreContact contact in _contacts.Values)
            {
                contact.LastHeard = _now;
            }

            _applyTurnedAt = _now;
            _logHandedAt = _now;
        }

        _lastTick = _now;
        CheckProgress();
        if (_now.MsSince(_heartbeatSent) >= _options.StoreHeartbeatMs)
        {
            SendHeartbeats();
        }

        foreach (StoreInfo other in _stores.Others())
        {
            ContactOf(new StoreId(other.Id));
        }

        foreach ((StoreId store, StoreContact contact) in _contacts)
        {
            if (!contact.Silent && _now.MsSince(contact.LastHeard) >= _options.StoreSilenceMs)
            {
                contact.Silent = true;
                OnStoreSilent(store);
            }
        }

        for (int i = 0; i < _options.WakePerTickMax && _toWake.TryDequeue(out StorePeer? peer); i++)
        {
            WakePeer(peer);
        }
    }

    /// <summary>
    /// Progress law: with a log or an apply loop that does not move, this store can commit and apply nothing, and its
    /// heartbeats to followers would only keep others from doing so. It leads nothing and campaigns for nothing until
    /// both move again.
    /// </summary>
    private void CheckProgress()
    {
        bool logStalls = _logBusy && _now.MsSince(_logHandedAt) >= _options.ProgressMs;
        bool applyStalls = _pingAnswered != _pingSent && _now.MsSince(_applyTurnedAt) >= _options.ProgressMs;
        bool stalls = logStalls || applyStalls;
#if PLANT_PROGRESS_STALLED // Progress law: a hung disk under a living loop keeps its leaderships
        stalls = false;
#endif
        if (stalls == _stalled)
        {
            return;
        }

        _stalled = stalls;
        if (!stalls)
        {
            StoreLog.Moves(_context.Logger);
            return;
        }

        StoreLog.Stalls(_context.Logger, logStalls ? "raft log" : "apply loop", _options.ProgressMs);
        foreach (StorePeer peer in _peers.Values)
        {
            if (peer.Core.IsLeader)
            {
                WakePeer(peer);
                peer.Core.Resign();
                Touch(peer);
            }
        }
    }

    /// <summary>What no peer does without a reason, and every peer may do at any time.</summary>
    private void Disturb(StorePeer peer)
    {
        if (Buggify.At("store.leader.resigns") && _random.Next(200) == 0)
        {
            peer.Core.Resign();
        }

        if (Buggify.At("store.follower.campaigns") && _random.Next(200) == 0)
        {
            peer.Core.Campaign(_now);
        }

        if (Buggify.At("store.follower.forgets") && _random.Next(50) == 0)
        {
            peer.Core.ForgetLeader(_now);
        }
    }

    private void OnStoreSilent(StoreId store)
    {
        StoreLog.StoreSilent(_context.Logger, store.Value, _options.StoreSilenceMs);
        foreach (StorePeer peer in _peers.Values)
        {
            if (peer.Handle.Leader.Store == store)
            {
                // The promise stays; only the ticks since the leader was heard stop counting for it.
                peer.Core.ForgetLeader(_now);
                Touch(peer);
                ScheduleCampaign(peer, _now, without: store);
            }
        }
    }

    private void SendHeartbeats()
    {
        _heartbeatSent = _now;
        bool applyTurned = _pingAnswered == _pingSent;
        bool logTurns = _now.MsSince(_lastSync) < _options.ProgressMs;
#if PLANT_PROGRESS_STALLED
        applyTurned = logTurns = true;
#endif
        _pingSent++;
        _apply.Post(new ApplyWork(ApplyWorkKind.Ping, null, [], [], _pingSent));
        if (!applyTurned || !logTurns)
        {
            _heartbeatsWithheld++;

            // The ping on its way may be an older one; ask for the newest only, so that one late answer suffices.
            return;
        }

        IReadOnlyList<StoreInfo> others = _stores.Others();
        foreach (StoreInfo other in others)
        {
            var heartbeat = new StoreHeartbeat
            {
                StoreId = _context.Self.Id,
                Incarnation = _context.Self.Incarnation,
                Info = _context.Self,
                WallTime = _regionClock.Now(),
            };
            SystemLeader system = _stores.SystemLeader;
            heartbeat.SystemLeaderStore = system.Store.Value;
            heartbeat.SystemTerm = system.Term;
            if (FindPeer(RegionId.System) is { } systemPeer)
            {
                heartbeat.SystemRegion = systemPeer.Handle.Descriptor.ToMessage();
            }

            heartbeat.KnownStores.AddRange(others);
            EnvelopeTo(new StoreId(other.Id), Lane.Control).Heartbeat = heartbeat;
        }
    }

    /// <summary>
    /// After a start nobody knows a leader and every promise must run out first (Lease law); then the peers campaign in
    /// an order that spreads first leaders evenly over the stores instead of all at once.
    /// </summary>
    private void ScheduleFirstCampaign(StorePeer peer)
    {
        bool alone = peer.Handle.Descriptor.Peers.Count == 1;
        Instant earliest = alone || peer.IsNewborn ? _startedAt : _startedAt.PlusMs(
            _options.LeaseMs + _options.LeaseDriftMs);
        ScheduleCampaign(peer, earliest, without: default);
    }

    private void ScheduleCampaign(StorePeer peer, Instant earliest, StoreId without)
    {
        IReadOnlyList<PeerDescriptor> all = peer.Handle.Descriptor.Peers;
        int first = (int)(peer.Handle.Id.Value % (ulong)all.Count);
        int rank = 0;
        for (int i = 0; i < all.Count; i++)
        {
            PeerDescriptor candidate = all[(first + i) % all.Count];
            if (candidate.Id == peer.Handle.Self)
            {
                break;
            }

            if (candidate.Store != without && candidate.Role == PeerRole.Voter)
            {
                rank++;
            }
        }

        int jitter = all.Count == 1 ? 0 : _random.Next(CampaignJitterMs);
        Instant due = earliest.PlusMs((rank * CampaignRankMs) + jitter);
        _campaigns.Enqueue(peer, (due.Nanoseconds, peer.Handle.Id.Value));
    }

    private void RunCampaigns()
    {
        for (int i = 0; i < _options.WakePerTickMax && !_stalled; i++)
        {
            if (!_campaigns.TryPeek(out StorePeer? peer, out (long Due, ulong Region) at) || at.Due > _now.Nanoseconds)
            {
                return;
            }

            _campaigns.Dequeue();
            LeaderHint leader = peer.Handle.Leader;
            if (!_peers.ContainsKey(peer.Handle.Id) || peer.Core.IsLeader || (!leader.Peer.IsNone && IsAlive(
                leader.Store)))
            {
                continue;
            }

            WakePeer(peer);
            peer.Core.Campaign(_now);
            Touch(peer);
        }
    }

    private sealed class StoreContact
    {
        public Instant LastHeard { get; set; }

        public ulong Incarnation { get; set; }

        public bool Silent { get; set; }
    }
}
