using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

// What goes out: natural batching. Whatever is ready for a store when the pump turns goes into one message; while it is
// under way the next one gathers. Nothing waits for company.
public sealed partial class ClientPump
{
    // Large enough that a message's own cost does not count (beyond some 256 small requests nothing is won), small
    // enough that the store answers the first before it has read the last.
    private const int MessageCountMax = 256;
    private const int MessageBytesMax = 960 * 1024;
    private const int RequestOverheadBytes = 64;

    // The time for an attempt of one call doubles so often at most.
    private const int AttemptDoublingsMax = 4;

    /// <summary>Puts the call in the queue of a store; it is sent when the store's window allows.</summary>
    internal void Queue(Call call, StoreLane lane)
    {
        if (lane.IsDown)
        {
            lane.BeginProbe(call);
        }

        lane.Ready.Add(call);
    }

    private bool Flush(IClientTransport transport)
    {
        bool any = false;
        foreach (StoreLane lane in _stores.Lanes)
        {
            PipelineRequest? message = null;
            int bytes = 0;
            while (lane.Ready.First is { } call)
            {
                int cost = call.CostBytes + RequestOverheadBytes;
                if (!call.Wanted)
                {
                    lane.Ready.Remove(call);
                    call.Dispatch();
                    continue;
                }

                if (!HasRoom(lane, cost))
                {
                    break;
                }

                if (message is not null
                    && (message.Requests.Count == MessageCountMax || bytes + cost > MessageBytesMax))
                {
                    transport.Send(lane.Address, message);
                    message = null;
                    bytes = 0;
                }

                message ??= new PipelineRequest();
                bytes += cost;
                message.Requests.Add(TakeOff(call, lane));
                any = true;
            }

            if (message is not null)
            {
                transport.Send(lane.Address, message);
            }
        }

        return any;
    }

    private bool HasRoom(StoreLane lane, int cost) =>
        lane.Flying.Count == 0
        || (lane.Flying.Count < _options.InFlightPerStoreMax
            && lane.FlyingBytes + cost <= _options.InFlightBytesPerStoreMax);

    private Request TakeOff(Call call, StoreLane lane)
    {
        lane.Ready.Remove(call);
        var request = new Request { Id = ++_lastRequestId };
        call.Fill(request);
        if (call.Deadline != Instant.Never)
        {
            request.TimeoutMs = (uint)Math.Clamp(call.Deadline.MsSince(Now), 1, uint.MaxValue);
        }

        call.RequestId = _lastRequestId;
        call.Lane = lane;
        call.SentAt = Now;
        call.AttemptCount++;

        // All others keep away from a store that is being tried: the trial is short, however often its call has waited.
        int doublings = lane.IsProbedBy(call) ? 0 : Math.Min(call.AttemptTimeoutCount, AttemptDoublingsMax);
        long attemptMs = (long)call.AttemptTimeoutMs(_options) << doublings;
        call.AttemptDeadline = Now.PlusMs(Buggify.At("client.attempt.early") ? 1 : attemptMs);
        if (call.AttemptDeadline < lane.AttemptsDue)
        {
            lane.AttemptsDue = call.AttemptDeadline;
        }

        lane.Flying.Add(call);
        lane.FlyingBytes += call.CostBytes + RequestOverheadBytes;
        _inFlight.Add(call.RequestId, call);
        return request;
    }

    /// <summary>The attempt is over, one way or another.</summary>
    private void Land(Call call)
    {
        Invariant.Require(call.Lane is not null && call.InFlight);
        call.Lane.Flying.Remove(call);
        call.Lane.FlyingBytes -= call.CostBytes + RequestOverheadBytes;
        bool known = _inFlight.Remove(call.RequestId);
        Invariant.Require(known);
        call.RequestId = 0;
    }

    /// <summary>
    /// Whether nothing at all came from the store for the time of a full attempt. A lookup gives up sooner and tries
    /// elsewhere, but that alone says nothing about the store.
    /// </summary>
    private bool IsSilentSince(StoreLane lane, Instant sentAt) =>
        lane.LastHeardAt <= sentAt && Now.MsSince(sentAt) >= (long)_options.AttemptTimeout.TotalMilliseconds;

    private bool ExpireAttempts()
    {
        bool any = false;
        foreach (StoreLane lane in _stores.Lanes)
        {
            if (Now < lane.AttemptsDue)
            {
                continue;
            }

            any = true;
            Invariant.Require(_scratch.Count == 0);
            Instant next = Instant.Never;
            bool silent = false;
            for (Call? call = lane.Flying.First; call is not null; call = call.NextInList)
            {
                if (call.AttemptDeadline <= Now)
                {
                    _scratch.Add(call);
                    silent |= IsSilentSince(lane, call.SentAt);
                }
                else if (call.AttemptDeadline < next)
                {
                    next = call.AttemptDeadline;
                }
            }

            lane.AttemptsDue = next;
            if (silent)
            {
                FailLane(lane, "no answer within the time for one attempt");
            }

            foreach (Call call in _scratch)
            {
                Land(call);
                call.AttemptTimeoutCount++;
                call.OnInDoubt(lane);
            }

            _scratch.Clear();
        }

        return any;
    }
}
