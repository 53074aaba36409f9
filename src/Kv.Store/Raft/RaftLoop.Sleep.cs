using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Store.Apply;

namespace Kv.Store.Raft;

/// <summary>
/// Sleep and waking (Sleep law). The leader asks every follower on a live store; each goes to sleep only if it stands
/// at the same term and index and knows the commit. When all have, the leader sleeps too: no ticks, no heartbeats, no
/// lease. Any message wakes.
/// </summary>
internal sealed partial class RaftLoop
{
    private const long FallingMsMax = 500;

    private readonly List<PeerId> _livePeers = [];

    /// <summary>Peers that tick now.</summary>
    public int AwakeCount => _awake.Count;

    private void KeepAwake(StorePeer peer)
    {
        if (peer.AwakePlace < 0)
        {
            peer.AwakePlace = _awake.Count;
            _awake.Add(peer);
        }
    }

    private void WakePeer(StorePeer peer)
    {
        if (peer.Sleep == SleepPhase.Awake)
        {
            return;
        }

        peer.Sleep = SleepPhase.Awake;
        peer.SleepWaitsFor.Clear();
        peer.SleptWithout.Clear();
        peer.LastActive = _now;
        peer.Core.Wake(_now);
        KeepAwake(peer);
        Touch(peer);
    }

    private void LetSleep(StorePeer peer)
    {
        peer.Handle.Gate = null;
#if PLANT_SLEEP_LEASE // Sleep law: the gate of a sleeping leader stays open
        peer.Handle.Gate = !peer.Core.IsLeader
            ? null
            : new Kv.Store.Reads.ReadGate(peer.Core.Term, peer.Handle.Descriptor.Epoch.Version, Instant.Never);
#endif
        peer.Sleep = SleepPhase.Asleep;
        peer.SleepWaitsFor.Clear();
        peer.Core.Sleep();
        _apply.Post(new ApplyWork(ApplyWorkKind.Unload, peer.Applier, [], [], 0));
        if (peer.AwakePlace >= 0)
        {
            StorePeer last = _awake[^1];
            _awake[peer.AwakePlace] = last;
            last.AwakePlace = peer.AwakePlace;
            _awake.RemoveAt(_awake.Count - 1);
            peer.AwakePlace = -1;
        }
    }

    private void TickSleep()
    {
        for (int i = _awake.Count - 1; i >= 0; i--)
        {
            StorePeer peer = _awake[i];
            if (peer.Sleep == SleepPhase.Falling)
            {
                if (_now.MsSince(peer.SleepAskedAt) >= FallingMsMax)
                {
                    WakePeer(peer);
                }
            }
            else if (peer.Core.IsLeader
                && (_now.MsSince(peer.LastActive) >= _options.SleepAfterMs || Buggify.At("store.sleep.early")))
            {
                MaybeAskToSleep(peer);
            }
        }
    }

    private void MaybeAskToSleep(StorePeer peer)
    {
        // The system region stays awake: it is one region, and placement should fail over as fast as awake regions do.
        if (peer.Handle.Id == RegionId.System || peer.Proposals.Count > 0 || HasReads(peer)
            || peer.Handle.Applied != peer.Core.LastIndex)
        {
            return;
        }

        _livePeers.Clear();
        peer.SleptWithout.Clear();
        foreach (PeerDescriptor other in peer.Handle.Descriptor.Peers)
        {
            if (other.Store == _context.Id || IsAlive(other.Store))
            {
                _livePeers.Add(other.Id);
            }
            else
            {
                peer.SleptWithout.Add(other.Store);
            }
        }

        if (!peer.Core.CanSleep(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_livePeers)))
        {
            return;
        }

        peer.Sleep = SleepPhase.Falling;
        peer.Handle.Gate = null;
        peer.SleepAskedAt = _now;
        peer.SleepWaitsFor.Clear();
        foreach (PeerDescriptor other in peer.Handle.Descriptor.Peers)
        {
            if (other.Store != _context.Id && _livePeers.Contains(other.Id))
            {
                peer.SleepWaitsFor.Add(other.Id);
                SendNotice(peer, other, NoticeKind.Sleep, peer.Core.LastIndex);
            }
        }

        if (peer.SleepWaitsFor.Count == 0)
        {
            LetSleep(peer);
        }
    }

    private void OnSleepAsked(StorePeer peer, PeerDescriptor leader, RegionNotice notice)
    {
        bool may = !peer.Core.IsLeader
            && peer.Core.Leader == leader.Id
            && peer.Core.Term.Value == notice.Term
            && peer.Core.LastIndex.Value == notice.Index
            && peer.Core.Committed.Value == notice.Index
            && peer.Core.Persisted.Value == notice.Index
            && peer.Handle.Applied.Value == notice.Index
            && !HasReads(peer);
        if (may && peer.Sleep != SleepPhase.Asleep)
        {
            LetSleep(peer);
        }

        SendNotice(peer, leader, may ? NoticeKind.SleepAccepted : NoticeKind.SleepRefused, new LogIndex(notice.Index));
    }

    private void OnSleepAnswer(StorePeer peer, PeerDescriptor follower, RegionNotice notice)
    {
        if (peer.Sleep != SleepPhase.Falling || !peer.Core.IsLeader || peer.Core.Term.Value != notice.Term)
        {
            return;
        }

        if (notice.Kind == NoticeKind.SleepRefused || peer.Core.LastIndex.Value != notice.Index)
        {
            WakePeer(peer);
            return;
        }

        peer.SleepWaitsFor.Remove(follower.Id);
        if (peer.SleepWaitsFor.Count == 0)
        {
            LetSleep(peer);
        }
    }
}
