using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

// What other threads say: operations, cancellations, and what became of messages.
public sealed partial class ClientPump
{
    private enum MailKind
    {
        Submit,
        Cancel,
        Responses,
        NotSent,
        Disconnected,
        Close,
    }

    /// <inheritdoc/>
    public void OnResponses(string address, PipelineResponse message) =>
        _mailbox.Post(new Mail(MailKind.Responses, message, address));

    /// <inheritdoc/>
    public void OnNotSent(string address, PipelineRequest message, string reason) =>
        _mailbox.Post(new Mail(MailKind.NotSent, message, address, reason));

    /// <inheritdoc/>
    public void OnDisconnected(string address, string reason) =>
        _mailbox.Post(new Mail(MailKind.Disconnected, reason, address, reason));

    internal void OnCancelled(ClientOperation operation) => _mailbox.Post(new Mail(MailKind.Cancel, operation));

    private bool ReadMail()
    {
        List<Mail> mails = _mailbox.Drain();
        foreach (Mail mail in mails)
        {
            switch (mail.Kind)
            {
                case MailKind.Submit:
                    OnSubmitted((ClientOperation)mail.Subject);
                    break;
                case MailKind.Cancel:
                    OnCancel((ClientOperation)mail.Subject);
                    break;
                case MailKind.Responses:
                    OnResponses(_stores.FindLane(mail.Address!), (PipelineResponse)mail.Subject);
                    break;
                case MailKind.NotSent:
                    OnNotSent(_stores.FindLane(mail.Address!), (PipelineRequest)mail.Subject, mail.Reason!);
                    break;
                case MailKind.Disconnected:
                    OnDisconnected(_stores.FindLane(mail.Address!), mail.Reason!);
                    break;
                case MailKind.Close:
                    OnClose((KvException)mail.Subject);
                    break;
                default:
                    throw Invariant.Unreachable(mail.Kind);
            }
        }

        return mails.Count > 0;
    }

    private void OnSubmitted(ClientOperation operation)
    {
        if (_closed is not null)
        {
            Interlocked.Decrement(ref _outstanding);
            operation.Complete(_closed);
            return;
        }

        operation.SubmittedAt = Now;
        operation.Deadline = Now.PlusMs(BudgetMs(operation));
        if (operation.Deadline < _deadlinesDue)
        {
            _deadlinesDue = operation.Deadline;
        }

        Link(operation);
        operation.Begin(this);
    }

    private void OnCancel(ClientOperation operation)
    {
        if (!operation.IsCompleted)
        {
            EndEarly(operation, "was cancelled", new OperationCanceledException());
        }
    }

    private void OnClose(KvException reason)
    {
        _closed ??= reason;
        while (_first is { } operation)
        {
            EndEarly(operation, "ended: the client was closed", _closed);
        }
    }

    private void OnResponses(StoreLane? lane, PipelineResponse message)
    {
        if (lane is null)
        {
            return;
        }

        lane.OnHeard(Now);
        foreach (Response response in message.Responses)
        {
            Session.OnRegionTime(response.RegionTime);
            if (_inFlight.TryGetValue(response.Id, out Call? call) && call.Lane == lane)
            {
                Land(call);
                if (response.Routes is { RegionError: null } routes)
                {
                    OnRoutes(routes);
                }

                call.OnResponse(lane, response);
            }
        }
    }

    private void OnRoutes(RoutesResponse routes)
    {
        Session.OnRegionTime(routes.RegionTime);
        foreach (StoreInfo store in routes.Stores)
        {
            _stores.Learn(store);
        }

        foreach (RegionRoute route in routes.Routes)
        {
            Learn(route);
        }
    }

    private void OnNotSent(StoreLane? lane, PipelineRequest message, string reason)
    {
        if (lane is null)
        {
            return;
        }

        FailLane(lane, reason);
        foreach (Request request in message.Requests)
        {
            if (_inFlight.TryGetValue(request.Id, out Call? call) && call.Lane == lane)
            {
                Land(call);
                call.OnNotSent(lane);
            }
        }
    }

    private void OnDisconnected(StoreLane? lane, string reason)
    {
        if (lane is null)
        {
            return;
        }

        FailLane(lane, reason);
        while (lane.Flying.First is { } call)
        {
            Land(call);
            call.OnInDoubt(lane);
        }
    }

    /// <summary>The store does not answer for now: what waits to be sent there goes elsewhere.</summary>
    private void FailLane(StoreLane lane, string reason)
    {
        lane.OnFailed(Now, reason, _random);
        while (lane.Ready.First is { } call)
        {
            lane.Ready.Remove(call);
            call.Rotation++;
            DispatchSoon(call);
        }
    }

    private readonly record struct Mail(MailKind Kind, object Subject, string? Address = null, string? Reason = null);
}
