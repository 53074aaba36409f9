using Kv.Base;
using Kv.Engine.Log;
using Kv.Raft;
using Kv.Store.Apply;
using Kv.Store.Reads;

namespace Kv.Store.Raft;

/// <summary>What the cores want done: log writes, messages, committed entries, and the read gates.</summary>
internal sealed partial class RaftLoop
{
    private const long GateRefreshMs = 50;
    private const int KeepAliveMs = 1_000;

    /// <summary>
    /// While the log writes, mail waits for it this long: most of it could only join the next write anyway. On a slow
    /// disk acknowledgements and reads go on after this.
    /// </summary>
    private const int HoldMsMax = 2;

    private readonly List<LogEntry> _entries = [];
    private LogWork _building = new();
    private LogWork? _spare = new();
    private bool _logBusy;
    private Instant _holdUntil;
    private Instant _lastSync;
    private Instant _purgeAt;
    private long _purgeTarget;

    private bool DrainLogDone()
    {
        List<LogWork> works = _logDoneMail.Drain();
        foreach (LogWork work in works)
        {
            _logBusy = false;
            _lastSync = _now;
            foreach (PersistedReady ready in work.Readies)
            {
                ready.Peer.Core.OnPersisted(ready.PersistNumber, _now);
                foreach (Message message in ready.Messages)
                {
                    Send(ready.Peer, message);
                }

                Touch(ready.Peer);
            }

            work.Clear();
            _spare = work;
        }

        return works.Count > 0;
    }

    private void TakeReadies()
    {
        // Taking a Ready never touches another peer, so one pass suffices; a core may have more at once (a page of
        // committed entries).
        for (int i = 0; i < _touched.Count; i++)
        {
            StorePeer peer = _touched[i];
            peer.Touched = false;
            UpdateLeadership(peer);
            while (peer.Core.HasReady)
            {
                Ready ready = peer.Core.TakeReady(_now);
                Observer?.OnReady(peer.Handle.Descriptor, peer.Core, ready);
                TakeReady(peer, ready);
            }

            UpdateLeadership(peer);
            UpdateGate(peer);
            UpdateWakesOnApply(peer);
            Observer?.OnTurn(peer.Handle.Descriptor, peer.Core, peer.Handle.Gate?.LeaseEnd ?? Instant.Zero);
        }

        _touched.Clear();
    }

    private void TakeReady(StorePeer peer, Ready ready)
    {
        ulong group = peer.Handle.Id.Value;
        if (ready.HardState is { } state)
        {
            _building.Batch.SetHardState(group, new LogHardState(state.Term.Value, state.Vote.Value,
                state.Commit.Value));
        }

        if (ready.Entries.Count > 0)
        {
            var entries = new LogEntry[ready.Entries.Count];
            for (int i = 0; i < entries.Length; i++)
            {
                Entry entry = ready.Entries[i];
                entries[i] = new LogEntry(entry.Index.Value, entry.Term.Value, (byte)entry.Kind, entry.Data,
                    entry.DataCrc);
            }

            _building.Batch.Append(group, entries);
        }

        if (ready.PersistNumber != 0)
        {
            _building.Readies.Add(new PersistedReady(peer, ready.PersistNumber, ready.MessagesAfterPersist));
            _building.Urgent |= ready.MustSync || ready.MessagesAfterPersist.Count > 0;
        }

        foreach (Message message in ready.Messages)
        {
            Send(peer, message);
        }

        if (ready.CommittedEntries.Count > 0)
        {
            _apply.Post(new ApplyWork(
                ApplyWorkKind.Entries, peer.Applier, ready.CommittedEntries, TakeProposals(peer,
                    ready.CommittedEntries), 0));
        }

        foreach (ReadState read in ready.ReadStates)
        {
            OnReadState(peer, read);
        }
    }

    /// <summary>
    /// One write at a time; whatever gathers meanwhile becomes the next one: the batch grows with the load by itself.
    /// </summary>
    private void HandOverLog()
    {
        if (_logBusy)
        {
            return;
        }

        bool idleLong = _now.MsSince(_lastSync) >= KeepAliveMs;
        if (idleLong)
        {
            _building.KeepAlive = true;
        }

        if (_purgeTarget > 0 && _now >= _purgeAt)
        {
            _building.PurgeTarget = _purgeTarget;
            _purgeTarget = 0;
            _purgeAt = _now.PlusMs(KeepAliveMs);
        }

        if (!_building.Urgent && !idleLong && _building.PurgeTarget == 0)
        {
            return;
        }

        LogWork work = _building;
        Invariant.Require(_spare is not null);
        _building = _spare;
        _spare = null;
        _logBusy = true;
        _logHandedAt = _now;
        _holdUntil = _now.PlusMs(HoldMsMax);
        _writer.Post(work);
    }

    private bool DrainApplyDone()
    {
        List<ApplyDone> reports = _applyDoneMail.Drain();
        foreach (ApplyDone report in reports)
        {
            if (report.Applier is null)
            {
                _pingAnswered = report.PingNumber;
                _applyTurnedAt = _now;
                continue;
            }

            if (FindPeer(report.Applier.Handle.Id) is not { } peer)
            {
                continue;
            }

            if (report.StoppedBy is { } reason)
            {
                StopPeer(peer, reason);
                continue;
            }

            peer.Core.OnApplied(report.Index);
            RunIndexedReads(peer);
            Touch(peer);
        }

        return reports.Count > 0;
    }

    /// <summary>Notices that leadership came, went or moved, and tells everyone who acts on it.</summary>
    private void UpdateLeadership(StorePeer peer)
    {
        RaftPeer core = peer.Core;
        LeaderHint hint = peer.Handle.Leader;
        PeerId leader = core.IsLeader ? core.Id : core.Leader;
        if (hint.Peer != leader || hint.Term != core.Term)
        {
            StoreId store = leader.IsNone ? default : peer.Handle.Descriptor.PeerOf(leader)?.Store ?? default;
            peer.Handle.Leader = leader.IsNone ? LeaderHint.Unknown with { Term = core.Term } : new LeaderHint(
                leader, store, core.Term);
            peer.ReportDirty = true;
        }

        bool leads = core.IsLeader;
        bool led = peer.LedTerm != Term.Zero;
        if (led && (!leads || core.Term != peer.LedTerm))
        {
            peer.Handle.Gate = null;
            peer.LedTerm = Term.Zero;
            AbandonProposals(peer);
            if (peer.Handle.Id == RegionId.System && _systemTerm != Term.Zero)
            {
                _systemTerm = Term.Zero;
                _context.SystemListener?.OnLeadershipLost();
            }
        }

        if (leads && peer.LedTerm != core.Term)
        {
            peer.LedTerm = core.Term;
            peer.GroupHeld = LogIndex.Zero;
            peer.GroupHeldTold = LogIndex.Zero;
            peer.LastActive = _now;
        }

        if (leads && peer.Handle.Id == RegionId.System && _systemTerm != core.Term
            && peer.Handle.AppliedTerm == core.Term)
        {
            _systemTerm = core.Term;
            _context.SystemListener?.OnLeadership(core.Term);
        }
    }

    private void UpdateGate(StorePeer peer)
    {
        RaftPeer core = peer.Core;
        ReadGate? gate = peer.Handle.Gate;
#if PLANT_SLEEP_LEASE
        if (peer.Sleep == SleepPhase.Asleep)
        {
            return;
        }
#endif
        bool hasApplied = peer.Handle.AppliedTerm == core.Term;
#if PLANT_READ_TAIL // Read law: the tail that a new leader has not applied is not waited for
        hasApplied = true;
#endif
        if (!core.IsLeader || peer.Sleep != SleepPhase.Awake || !hasApplied)
        {
            peer.Handle.Gate = null;
            return;
        }

        Instant leaseEnd = core.LeaseEnd(_now);
        if (leaseEnd <= _now || Buggify.At("store.gate.closed"))
        {
            peer.Handle.Gate = null;
            return;
        }

        ulong version = peer.Handle.Descriptor.Epoch.Version;
        if (gate is null || gate.Term != core.Term || gate.Version != version
            || leaseEnd < gate.LeaseEnd || leaseEnd.MsSince(gate.LeaseEnd) >= GateRefreshMs)
        {
            peer.Handle.Gate = new ReadGate(core.Term, version, leaseEnd);
        }
    }

    /// <summary>
    /// Who waits for something to be applied: reads that a round has answered; a leader that may not read yet;
    /// committed entries that are held back until others are applied; placement.
    /// </summary>
    private void UpdateWakesOnApply(StorePeer peer)
    {
        bool waits = peer.IndexedReads.Count > 0
            || (peer.Core.IsLeader && peer.Handle.Gate is null)
            || peer.Core.HoldsBackCommitted
            || peer.Handle.Id == RegionId.System;
        if (waits != peer.Handle.WakesOnApply)
        {
            peer.Handle.WakesOnApply = waits;
            _beganToWaitForApply |= waits;
        }
    }

    /// <summary>
    /// An entry this version cannot apply: the peer stops, visibly, and keeps what it has (Apply law).
    /// </summary>
    private void StopPeer(StorePeer peer, string reason)
    {
        StoreLog.PeerStopped(_context.Logger, peer.Handle.Id.Value, peer.Handle.Self.Value, reason);
        peer.Handle.Gate = null;
        AbandonProposals(peer);
        FailReads(peer, Errors.NotReady($"region {peer.Handle.Id} has stopped on this store: {reason}"));
        LetSleep(peer);
        _peers.Remove(peer.Handle.Id);
        _table.Remove(peer.Handle.Id);
        _stopped.Add((peer.Handle.Id, reason));
    }
}
