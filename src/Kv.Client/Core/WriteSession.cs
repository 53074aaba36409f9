// Owns the client's side of the Once law: the session, its sequence numbers, the newest region time seen, and which
// sequences may still be retried. Invariant: LowestUnacknowledged never passes a sequence that some call still holds.
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol.Commands;

namespace Kv.Client.Core;

internal sealed class WriteSession
{
    private readonly ByteString _session;
    private readonly Queue<WriteTicket> _open = new();
    private ulong _lastSequence;

    public WriteSession(SessionId session)
    {
        byte[] bytes = new byte[SessionId.Bytes];
        session.Write(bytes);
        _session = ByteString.CopyFrom(bytes);
    }

    /// <summary>
    /// Newest region time that any response carried, in microseconds; the stamp of writes sent from now on.
    /// </summary>
    public ulong NewestRegionTime { get; private set; }

    /// <summary>No retry of a lower sequence will ever come.</summary>
    public ulong LowestUnacknowledged
    {
        get
        {
            while (_open.TryPeek(out WriteTicket? ticket) && ticket.HolderCount == 0)
            {
                _open.Dequeue();
            }

            return _open.Count > 0 ? _open.Peek().Sequence : _lastSequence + 1;
        }
    }

    public void OnRegionTime(ulong regionTime) => NewestRegionTime = Math.Max(NewestRegionTime, regionTime);

    public WriteTicket Issue()
    {
        var ticket = new WriteTicket(++_lastSequence);
        _open.Enqueue(ticket);
        return ticket;
    }

    public static void Share(WriteTicket ticket)
    {
        Invariant.Require(ticket.HolderCount > 0);
        ticket.HolderCount++;
    }

    public static void Release(WriteTicket ticket)
    {
        Invariant.Require(ticket.HolderCount > 0);
        ticket.HolderCount--;
    }

    /// <summary>The identity to send; only the acknowledged mark differs between retries, and it only rises.</summary>
    public Protocol.V1.WriteIdentity Identify(WriteTicket ticket, ulong stamp) => new()
    {
        Session = _session,
        Sequence = ticket.Sequence,
        Stamp = stamp,
        LowestUnacknowledged = LowestUnacknowledged,
    };
}
