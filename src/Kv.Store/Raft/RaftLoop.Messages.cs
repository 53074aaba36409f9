using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Raft;
using Kv.Store.Wire;

namespace Kv.Store.Raft;

/// <summary>Mail from and to other stores.</summary>
internal sealed partial class RaftLoop
{
    private readonly SortedDictionary<(StoreId Store, Lane Lane), StoreEnvelope> _outbox = [];
    private readonly List<StorePeer> _unreachable = [];
    private long _droppedMessages;

    /// <summary>Messages from the wire that belonged to no live peer here, or were malformed.</summary>
    public long DroppedMessages => Volatile.Read(ref _droppedMessages);

    /// <summary>
    /// Takes an envelope from any thread; false = dropped, the loop is behind (Queue law: dropped on receipt, raft
    /// resends).
    /// </summary>
    public bool OnEnvelope(StoreId from, Incarnation incarnation, StoreEnvelope envelope)
    {
        int bytes = envelope.CalculateSize();
        if (Interlocked.Add(ref _envelopeBytes, bytes) > _options.EnvelopeBytesMax || Buggify.At("store.envelope.full"))
        {
            Interlocked.Add(ref _envelopeBytes, -bytes);
            return false;
        }

        _envelopeMail.Post((from, incarnation, envelope, bytes));
        return true;
    }

    private bool DrainEnvelopes()
    {
        List<(StoreId From, Incarnation Incarnation, StoreEnvelope Envelope, int Bytes)> mail = _envelopeMail.Drain();
        foreach ((StoreId from, Incarnation incarnation, StoreEnvelope envelope, int bytes) in mail)
        {
            Interlocked.Add(ref _envelopeBytes, -bytes);
            if (!_stores.IsCurrent(from, incarnation))
            {
                _droppedMessages++;
                continue;
            }

            OnMessagesFrom(from, envelope);
        }

        return mail.Count > 0;
    }

    private void OnMessagesFrom(StoreId from, StoreEnvelope envelope)
    {
        if (envelope.Heartbeat is { } heartbeat)
        {
            OnStoreHeartbeat(from, heartbeat);
        }

        foreach (RaftMessage wire in envelope.Messages)
        {
            OnRaftMessage(from, wire);
        }

        foreach (RegionNotice notice in envelope.Notices)
        {
            OnNotice(from, notice);
        }

        if (envelope.Report is { } report)
        {
            OnReport(from, report);
        }

        if (envelope.Orders is { } orders)
        {
            OnOrders(from, orders);
        }
    }

    private void OnRaftMessage(StoreId from, RaftMessage wire)
    {
        StorePeer? peer = FindPeer(new RegionId(wire.RegionId));
        if (peer is null
            || wire.ToPeer != peer.Handle.Self.Value
            || peer.Handle.Descriptor.PeerOf(new PeerId(wire.FromPeer)) is not { } sender
            || sender.Store != from
            || RaftWire.FromWire(wire) is not { } message)
        {
            _droppedMessages++;
            return;
        }

        if (_stalled && message.Kind == MessageKind.PreVote)
        {
            // It could not keep the vote that this one leads to (Progress law).
            return;
        }

        // What answers a message sent before the sleep wakes nobody: else a region whose heartbeats are answered slowly
        // would never get to sleep. A higher term in it does wake, through the core.
        if (!message.IsResponse)
        {
            WakePeer(peer);
        }

        if (message.Entries.Count > 0)
        {
            peer.LastActive = _now;
        }

        bool led = peer.Core.IsLeader;
        peer.Core.Step(message, _now);
        if (peer.Sleep == SleepPhase.Asleep ? !peer.Core.IsAsleep : led && !peer.Core.IsLeader)
        {
            WakePeer(peer);
        }

        Touch(peer);
    }

    private void OnNotice(StoreId from, RegionNotice notice)
    {
        StorePeer? peer = FindPeer(new RegionId(notice.RegionId));
        if (peer is null
            || notice.ToPeer != peer.Handle.Self.Value
            || peer.Handle.Descriptor.PeerOf(new PeerId(notice.FromPeer)) is not { } sender
            || sender.Store != from)
        {
            _droppedMessages++;
            return;
        }

        switch (notice.Kind)
        {
            case NoticeKind.Sleep:
                OnSleepAsked(peer, sender, notice);
                break;
            case NoticeKind.SleepAccepted:
            case NoticeKind.SleepRefused:
                OnSleepAnswer(peer, sender, notice);
                break;
            case NoticeKind.Wake:
                WakePeer(peer);
                break;
            case NoticeKind.Cut:
                OnCutNotice(peer, sender, notice);
                break;
            case NoticeKind.None:
            default:
                _droppedMessages++;
                break;
        }
    }

    private void Send(StorePeer peer, Message message)
    {
        if (peer.Handle.Descriptor.PeerOf(message.To) is not { } target)
        {
            return;
        }

        RaftMessage wire = RaftWire.ToWire(peer.Handle.Id, message);
        wire.ConfVersion = peer.Handle.Descriptor.Epoch.ConfVersion;
        EnvelopeTo(target.Store, RaftWire.LaneOf(message.Kind)).Messages.Add(wire);
    }

    private void SendNotice(StorePeer peer, PeerDescriptor target, NoticeKind kind, LogIndex index) =>
        EnvelopeTo(target.Store, Lane.Control).Notices.Add(new RegionNotice
        {
            RegionId = peer.Handle.Id.Value,
            FromPeer = peer.Handle.Self.Value,
            ToPeer = target.Id.Value,
            Term = peer.Core.Term.Value,
            Kind = kind,
            Index = index.Value,
        });

    private StoreEnvelope EnvelopeTo(StoreId store, Lane lane)
    {
        Invariant.Require(store != _context.Id);
        if (!_outbox.TryGetValue((store, lane), out StoreEnvelope? envelope))
        {
            envelope = new StoreEnvelope();
            _outbox.Add((store, lane), envelope);
        }

        return envelope;
    }

    private void SendOutbox()
    {
        if (_outbox.Count == 0)
        {
            return;
        }

        foreach (((StoreId store, Lane lane), StoreEnvelope envelope) in _outbox)
        {
            if (!_context.Transport.TrySend(store, lane, envelope) && lane == Lane.Append)
            {
                ReportUnreachable(store, envelope);
            }
        }

        _outbox.Clear();
    }

    /// <summary>
    /// Appends that could not be sent: the cores probe instead of filling a window that leads nowhere.
    /// </summary>
    private void ReportUnreachable(StoreId store, StoreEnvelope envelope)
    {
        _unreachable.Clear();
        foreach (RaftMessage wire in envelope.Messages)
        {
            if (FindPeer(new RegionId(wire.RegionId)) is { } peer && !_unreachable.Contains(peer))
            {
                _unreachable.Add(peer);
            }

            if (_unreachable.Count >= _options.WakePerTickMax)
            {
                break;
            }
        }

        foreach (StorePeer peer in _unreachable)
        {
            if (peer.Handle.Descriptor.PeerOn(store) is { } target)
            {
                peer.Core.OnUnreachable(target.Id);
            }
        }
    }
}
