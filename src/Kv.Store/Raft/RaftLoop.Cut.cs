using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Raft;

namespace Kv.Store.Raft;

/// <summary>
/// Cutting the raft log (Cut law). Never beyond what the engine holds durably here; and, until snapshots exist, never
/// beyond what every peer of the region holds durably in its log, which the leader tells.
/// </summary>
internal sealed partial class RaftLoop
{
    /// <summary>
    /// Entries between two cuts of an active region: a cut is a record in the log and should pay for itself. When the
    /// log has grown beyond its target any cut does, because few large entries can pin a segment.
    /// </summary>
    private const ulong CutEntriesMin = 64;

    private const int CutNoticeMs = 1_000;

    private Instant _cutNoticesAt;

    private bool DrainDurable()
    {
        List<List<DurableApplied>> mail = _durableMail.Drain();
        foreach (List<DurableApplied> marks in mail)
        {
            foreach (DurableApplied mark in marks)
            {
                if (FindPeer(mark.Region.Id) is { } peer)
                {
                    peer.DurableIndex = LogIndex.Greater(peer.DurableIndex, mark.Index);
                    MaybeCut(peer);
                }
            }
        }

        return mail.Count > 0;
    }

    private void TickCuts()
    {
        if (_context.Log.SizeBytes > _options.LogBytesTarget || Buggify.At("store.purge.eager"))
        {
            _purgeTarget = _options.LogBytesTarget;
        }

        if (_now.MsSince(_cutNoticesAt) < CutNoticeMs)
        {
            return;
        }

        _cutNoticesAt = _now;
        foreach (StorePeer peer in _awake)
        {
            if (peer.Core.IsLeader)
            {
                TellHeld(peer);
            }
        }
    }

    private void TellHeld(StorePeer peer)
    {
        LogIndex held = peer.Core.Persisted;
        foreach (PeerProgress progress in peer.Core.Status().Progress)
        {
            if (progress.Peer != peer.Core.Id)
            {
                held = LogIndex.Min(held, progress.Match);
            }
        }

        if (held <= peer.GroupHeldTold)
        {
            return;
        }

        peer.GroupHeldTold = held;
        peer.GroupHeld = held;
        foreach (PeerDescriptor other in peer.Handle.Descriptor.Peers)
        {
            if (other.Store != _context.Id)
            {
                SendNotice(peer, other, NoticeKind.Cut, held);
            }
        }

        MaybeCut(peer);
    }

    private void OnCutNotice(StorePeer peer, PeerDescriptor leader, RegionNotice notice)
    {
        // Any leader's word of this or an earlier term is true for ever: what all peers hold durably up to there is
        // committed. Still it is taken only from the leader that this peer follows, and only as far as this peer itself
        // stands.
        if (peer.Core.Leader == leader.Id && peer.Core.Term.Value == notice.Term)
        {
            var held = LogIndex.Min(new LogIndex(notice.Index), peer.Core.Persisted);
            peer.GroupHeld = LogIndex.Greater(peer.GroupHeld, held);
            MaybeCut(peer);
        }
    }

    private void MaybeCut(StorePeer peer)
    {
        LogIndex cut = LogIndex.Min(peer.DurableIndex, peer.GroupHeld);
#if PLANT_CUT_EARLY // Cut law: the log is cut up to what is applied, durable or not
        cut = LogIndex.Min(peer.Handle.Applied, peer.GroupHeld);
#endif
        if (cut <= peer.CutIndex)
        {
            return;
        }

        bool resting = peer.Sleep != SleepPhase.Awake || _now.MsSince(peer.LastActive) >= CutNoticeMs;
        bool crowded = _context.Log.SizeBytes > _options.LogBytesTarget || Buggify.At("store.cut.eager");
        if (!resting && !crowded && cut - peer.CutIndex < CutEntriesMin)
        {
            return;
        }

        if (_context.Log.TryGetTerm(peer.Handle.Id.Value, cut.Value, out ulong term))
        {
            peer.CutIndex = cut;
            _building.Batch.CutPrefix(peer.Handle.Id.Value, cut.Value, term);
        }
    }
}
