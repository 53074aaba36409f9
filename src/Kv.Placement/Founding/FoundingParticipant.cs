// Owns a founder's side of a founding: prepare, commit, and asking for the outcome.
// Invariants: a store is prepared for one plan at a time and in one place of it; only Commit, or an outcome told by a
// founder that has it durably, makes it committed; a store whose record is gone never answers as if it were still
// there.
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Kv.Placement.Founding;

internal sealed class FoundingParticipant(
    FoundingOptions options, FoundingJournal journal, IFoundingPeer peers, Action<Action> post, ILogger log)
{
    private Instant _askDue = Instant.Zero;
    private int _asked;

    /// <summary>When it wants to ask for the outcome again.</summary>
    public Instant NextDue => journal.Step == FoundingStep.Prepared ? _askDue : Instant.Never;

    public FoundingReply<InspectResponse> OnInspect()
    {
        bool hasPlace = journal.Step != FoundingStep.None;
        return new InspectResponse
        {
            Instance = options.Instance,
            ClusterId = hasPlace ? journal.ClusterId : options.JoinedClusterId,
            StoreId = hasPlace ? journal.Record.Plan.Recipient + 1 : options.JoinedStoreId,
            Store = options.Self,
            Joining = options.Joining,
        };
    }

    public FoundingReply<PrepareResponse> OnPrepare(FoundingPlan plan, Instant now)
    {
        if (CheckPlan(plan) is string wrong)
        {
            return FoundingReply<PrepareResponse>.Refused($"{Me}: the plan makes no sense: {wrong}");
        }

        if (options.Joining || options.JoinedClusterId != 0)
        {
            return FoundingReply<PrepareResponse>.Refused(
                options.JoinedClusterId != 0
                    ? $"{Me} belongs to cluster {new ClusterId(options.JoinedClusterId)}"
                    : $"{Me} was started with --join and founds no cluster");
        }

        if (journal.Step != FoundingStep.None && journal.ClusterId != plan.ClusterId)
        {
            return FoundingReply<PrepareResponse>.Refused(
                $"{Me} belongs to cluster {new ClusterId(journal.ClusterId)}");
        }

        if (journal.Step != FoundingStep.None && journal.Record.Plan.Recipient != plan.Recipient)
        {
            return FoundingReply<PrepareResponse>.Refused(
                $"{plan.Founders[(int)plan.Recipient].PeerAddress} and "
                + $"{plan.Founders[(int)journal.Record.Plan.Recipient].PeerAddress} are the same store");
        }

        if (journal.Step == FoundingStep.None)
        {
            FoundingRecord record = journal.Draft();
            record.Step = FoundingStep.Prepared;
            record.Plan = plan;
            journal.SaveWithBirths(record);
            _askDue = now.PlusMs(options.RetryMs);
            log.LogInformation(
                "prepared as store {Store} of cluster {Cluster}", plan.Recipient + 1,
                    new ClusterId(plan.ClusterId));
        }

        return new PrepareResponse { ClusterId = plan.ClusterId, StoreId = plan.Recipient + 1, Store = options.Self };
    }

    public FoundingReply<CommitResponse> OnCommit(CommitRequest request)
    {
        if (journal.Step is FoundingStep.None or FoundingStep.Planned || journal.ClusterId != request.ClusterId)
        {
            return FoundingReply<CommitResponse>.Refused(
                $"{Me} was not prepared for cluster {new ClusterId(request.ClusterId)}: its folder was lost or "
                + $"is another one");
        }

        Commit(request.Founders);
        return new CommitResponse();
    }

    public FoundingReply<OutcomeResponse> OnOutcome(OutcomeRequest request)
    {
        if (journal.ClusterId == request.ClusterId && journal.Step != FoundingStep.None)
        {
            var response = new OutcomeResponse { Committed = journal.Step == FoundingStep.Committed };
            response.Founders.AddRange(journal.Record.Founders);
            return response;
        }

        return journal.Record.AbortedClusterIds.Contains(request.ClusterId)
            ? new OutcomeResponse { Aborted = true }
            : FoundingReply<OutcomeResponse>.Refused(
                $"{Me} knows no founding of cluster {new ClusterId(request.ClusterId)}");
    }

    /// <summary>
    /// Asks one founder after the other for the outcome; the coordinator, which is first, most surely knows.
    /// </summary>
    public bool MaybeAsk(Instant now)
    {
        if (journal.Step != FoundingStep.Prepared || now < _askDue)
        {
            return false;
        }

        FoundingPlan plan = journal.Record.Plan;
        int whom = _asked++ % plan.Founders.Count;
        if (whom == (int)plan.Recipient)
        {
            return true;
        }

        _askDue = now.PlusMs(options.RetryMs);
        string address = plan.Founders[whom].PeerAddress;
        peers.Outcome(
            address,
            new OutcomeRequest { ClusterId = plan.ClusterId },
            reply => post(() => OnToldOutcome(plan.ClusterId, address, whom == 0, reply)));
        return true;
    }

    private void OnToldOutcome(ulong clusterId, string address, bool coordinator, FoundingReply<OutcomeResponse> reply)
    {
        if (journal.Step != FoundingStep.Prepared || journal.ClusterId != clusterId)
        {
            return;
        }

        if (reply.Value is { Committed: true } committed)
        {
            Commit(committed.Founders);
        }
        else if (reply.Value is { Aborted: true })
        {
            FoundingRecord record = journal.Draft();
            record.Step = FoundingStep.None;
            record.Plan = null;
            journal.SaveWithoutBirths(record);
            log.LogWarning("{Coordinator} gave up founding cluster {Cluster}", address,
                new ClusterId(clusterId));
        }
        else if (reply.Refusal is not null && coordinator)
        {
            log.LogWarning(
                "prepared for cluster {Cluster}, but {Why}; if it was wiped, empty this store's folder "
                + "and init again",
                new ClusterId(clusterId),
                reply.Refusal);
        }
    }

    private string Me => $"store at {options.Self.PeerAddress}";

    private void Commit(IEnumerable<StoreInfo> founders)
    {
        if (journal.Step == FoundingStep.Committed)
        {
            return;
        }

        FoundingRecord record = journal.Draft();
        record.Step = FoundingStep.Committed;
        record.Founders.Clear();
        record.Founders.AddRange(founders);
        journal.Save(record);
        log.LogInformation("committed as store {Store}", record.Plan.Recipient + 1);
    }

    private static string? CheckPlan(FoundingPlan plan)
    {
        if (plan.ClusterId == 0 || plan.Founders.Count == 0 || plan.Recipient >= plan.Founders.Count
            || plan.LeaseMs == 0)
        {
            return "cluster id, founders, recipient or lease is missing";
        }

        if (plan.Recipient == 0)
        {
            return "the coordinator prepares itself";
        }

        try
        {
            byte[] at = KeySpace.SystemStart;
            foreach (Region message in plan.Regions)
            {
                RegionDescriptor region = RegionDescriptor.FromMessage(message);
                if (!region.Start.AsSpan().SequenceEqual(at))
                {
                    return $"region {region.Id} does not begin where the one before it ends";
                }

                if (region.PeerOn(new StoreId(plan.Recipient + 1)) is null)
                {
                    return $"region {region.Id} has no peer on this store";
                }

                at = region.End;
            }

            return at.AsSpan().SequenceEqual(KeySpace.UserEnd) ? null : "its regions do not cover all keys";
        }
        catch (MalformedDataException e)
        {
            return e.Message;
        }
    }
}
