// Owns the coordinating side of a founding, on the founder whose address is first. Steps: inspect everyone, make the
// plan durable, prepare the others, then write "committed" (with this store's own births, in one synced batch: the
// decision), then tell everyone until all have acknowledged.
// Invariants: nobody is told of a plan that is not durable here; a decision is never taken back; a plan is given up
// only before the decision, durably, and only after a definite no. So one wish yields at most one cluster (System
// region law).
using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Kv.Placement.Founding;

internal sealed class FoundingCoordinator(
    FoundingOptions options,
    FoundingJournal journal,
    IFoundingPeer peers,
    DeterministicRandom random,
    Action<Action> post,
    ILogger log)
{
    private const int WaitersMax = 64;

    /// <summary>
    /// Given-up plans that founders may still ask about. Older ones than this belong to stores that are long gone.
    /// </summary>
    private const int AbortedCountMax = 64;

    private readonly List<Action<FoundingReply<InitResponse>>> _waiters = [];
    private FoundingWish? _wish;
    private InspectResponse[] _inspected = [];
    private FounderCalls? _calls;
    private Instant _giveUp = Instant.Never;

    // Rises with every change of step, so that answers to an older question are ignored.
    private int _question;

    public Instant NextDue
    {
        get
        {
            Instant due = _calls?.NextDue ?? Instant.Never;
            return _giveUp < due ? _giveUp : due;
        }
    }

    private string Me => $"store at {options.Self.PeerAddress}";

    /// <summary>After a start: goes on where the record stands.</summary>
    public void Resume()
    {
        FoundingRecord record = journal.Record;
        bool unfinished = record.Coordinates && !record.AllCommitted;
        if (unfinished && record.Step is FoundingStep.Planned or FoundingStep.Committed)
        {
            Ask(record.Plan.Founders.Count);
        }
    }

    public void OnInit(InitRequest request, Instant now, Action<FoundingReply<InitResponse>> done)
    {
        FoundingWish? wish = FoundingWish.Read(request, out string error);
        string? refusal = wish is null ? error : CheckInit(wish);
        if (wish is null || refusal is not null)
        {
            done(FoundingReply<InitResponse>.Refused(refusal!));
            return;
        }

        if (journal.Step == FoundingStep.Committed)
        {
            done(Answer(already: true));
            return;
        }

        if (wish.Founders[0] != SelfAddress)
        {
            peers.Init(wish.Founders[0], request, reply => done(reply.Failure is null
                ? reply
                : FoundingReply<InitResponse>.Failed(
                    $"{wish.Founders[0]} coordinates this founding and cannot be reached: {reply.Failure}")));
            return;
        }

        if (_waiters.Count >= WaitersMax)
        {
            // The oldest has most likely been given up by its caller.
            _waiters[0](FoundingReply<InitResponse>.Failed($"{Me} has too many init calls waiting"));
            _waiters.RemoveAt(0);
        }

        _waiters.Add(done);
        if (_calls is null)
        {
            _wish = wish;
            _inspected = new InspectResponse[wish.Founders.Count];
            _giveUp = now.PlusMs(options.InspectTimeoutMs);
            Ask(wish.Founders.Count);
        }
    }

    public bool Advance(Instant now)
    {
        if (_calls is null)
        {
            return false;
        }

        if (journal.Step == FoundingStep.None && now >= _giveUp)
        {
            (int founder, string why) = _calls.FirstMissing();
            End(FoundingReply<InitResponse>.Failed($"founder {_wish!.Founders[founder]} cannot be reached: {why}"));
            return true;
        }

        List<int> due = _calls.TakeDue(now, now.PlusMs(options.CallTimeoutMs));
        foreach (int founder in due)
        {
            Send(founder, now);
        }

        return MaybeNextStep() || due.Count > 0;
    }

    private string SelfAddress => PeerAddress.Normalise(options.Self.PeerAddress) ?? "";

    private string? CheckInit(FoundingWish wish)
    {
        if (options.JoinedClusterId != 0)
        {
            return $"{Me} belongs to cluster {new ClusterId(options.JoinedClusterId)} already";
        }

        if (options.Joining)
        {
            return $"{Me} was started with --join and founds no cluster";
        }

        if (journal.Step != FoundingStep.None && journal.Record.Plan.PlanHash != wish.Hash)
        {
            return $"{Me} belongs to cluster {new ClusterId(journal.ClusterId)} already, which was founded with "
                + $"other founders "
                + $"or split keys "
                + $"({string.Join(", ", journal.Record.Plan.Founders.Select(static f => f.PeerAddress))})";
        }

        if (_wish is not null && _wish.Hash != wish.Hash)
        {
            return $"{Me} is founding a cluster with other founders or split keys "
                + $"({string.Join(", ", _wish.Founders)})";
        }

        return wish.Founders.Contains(SelfAddress)
            ? null
            : $"{Me} is not among the founders ({string.Join(", ", wish.Founders)}): send init to one of them";
    }

    private void Ask(int founderCount)
    {
        _question++;
        _calls = new FounderCalls(founderCount, self: 0);
    }

    private void Send(int founder, Instant now)
    {
        int question = _question;
        Instant again = now.PlusMs(options.RetryMs);
        FoundingRecord record = journal.Record;
        switch (journal.Step)
        {
            case FoundingStep.None:
                peers.Inspect(
                    _wish!.Founders[founder],
                    reply => Post(question, founder, again, reply, value => _inspected[founder] = value));
                break;
            case FoundingStep.Planned:
                FoundingPlan copy = record.Plan.Clone();
                copy.Recipient = (uint)founder;
                peers.Prepare(
                    copy.Founders[founder].PeerAddress,
                    copy,
                    reply => Post(question, founder, again, reply, static _ => { }));
                break;
            case FoundingStep.Committed:
                var commit = new CommitRequest { ClusterId = journal.ClusterId };
                commit.Founders.AddRange(record.Founders);
                peers.Commit(
                    record.Plan.Founders[founder].PeerAddress,
                    commit,
                    reply => Post(question, founder, again, reply, static _ => { }));
                break;
            default:
                throw Invariant.Unreachable(journal.Step);
        }
    }

    private void Post<T>(int question, int founder, Instant again, FoundingReply<T> reply, Action<T> take)
        where T : class
    {
        post(() =>
        {
            if (question != _question || _calls is null)
            {
                return;
            }

            if (reply.Value is not null)
            {
                take(reply.Value);
                _calls.Answered(founder);
            }
            else if (reply.Refusal is not null)
            {
                OnRefused(founder, reply.Refusal);
            }
            else
            {
                _calls.Failed(founder, reply.Failure ?? "no answer", again);
            }
        });
    }

    private void OnRefused(int founder, string why)
    {
        switch (journal.Step)
        {
            case FoundingStep.None:
                End(FoundingReply<InitResponse>.Refused(why));
                break;
            case FoundingStep.Planned:
                Abort(why);
                break;
            case FoundingStep.Committed:
                // Its folder was lost after it had promised. The cluster is founded all the same; asking on is of no
                // use.
                log.LogError("{Why}", why);
                _calls!.Answered(founder);
                break;
            default:
                throw Invariant.Unreachable(journal.Step);
        }
    }

    private bool MaybeNextStep()
    {
        if (_calls is null || !_calls.AllAnswered)
        {
            return false;
        }

        switch (journal.Step)
        {
            case FoundingStep.None:
                MakePlan();
                break;
            case FoundingStep.Planned:
                Decide();
                break;
            case FoundingStep.Committed:
                FoundingRecord record = journal.Draft();
                record.AllCommitted = true;
                journal.Save(record);
                _calls = null;
                break;
            default:
                throw Invariant.Unreachable(journal.Step);
        }

        return true;
    }

    private void MakePlan()
    {
        _inspected[0] = new InspectResponse { Instance = options.Instance, Store = options.Self };
        if (CheckFounders() is string refusal)
        {
            End(FoundingReply<InitResponse>.Refused(refusal));
            return;
        }

        ulong clusterId;
        do
        {
            clusterId = random.NextUInt64();
        }
        while (clusterId == 0);

        FoundingRecord record = journal.Draft();
        record.Step = FoundingStep.Planned;
        record.Coordinates = true;
        record.Plan =
            _wish!.Plan(clusterId, [.. _inspected.Select(static i => i.Store)], options.LeaseMs, options.LeaseDriftMs);
        journal.Save(record);
        _giveUp = Instant.Never;
        log.LogInformation(
            "planned cluster {Cluster} of {Founders}", new ClusterId(clusterId),
                string.Join(", ", _wish.Founders));
        Ask(record.Plan.Founders.Count);
    }

    private string? CheckFounders()
    {
        for (int i = 0; i < _inspected.Length; i++)
        {
            InspectResponse founder = _inspected[i];
            string address = _wish!.Founders[i];
            if (founder.ClusterId != 0)
            {
                return $"founder {address} belongs to cluster {new ClusterId(founder.ClusterId)} as store "
                    + $"{founder.StoreId}";
            }

            if (founder.Joining)
            {
                return $"founder {address} was started with --join and founds no cluster";
            }

            if (founder.Store is null || PeerAddress.Normalise(founder.Store.PeerAddress) is null)
            {
                return $"founder {address} does not tell its own address";
            }

            for (int j = 0; j < i; j++)
            {
                if (_inspected[j].Instance == founder.Instance
                    || _inspected[j].Store.PeerAddress == founder.Store.PeerAddress)
                {
                    return $"founders {_wish.Founders[j]} and {address} are the same store";
                }
            }
        }

        return null;
    }

    private void Decide()
    {
        FoundingRecord record = journal.Draft();
        record.Step = FoundingStep.Committed;
        record.Founders.Clear();
        record.Founders.AddRange(record.Plan.Founders);
        journal.SaveWithBirths(record);
        log.LogInformation("cluster {Cluster} is founded", new ClusterId(journal.ClusterId));
        FoundingReply<InitResponse> answer = Answer(already: false);
        Ask(record.Plan.Founders.Count);
        Tell(answer);
    }

    private void Abort(string why)
    {
        FoundingRecord record = journal.Draft();
        log.LogWarning("cluster {Cluster} is given up: {Why}", new ClusterId(journal.ClusterId), why);
        record.AbortedClusterIds.Add(journal.ClusterId);
        while (record.AbortedClusterIds.Count > AbortedCountMax)
        {
            record.AbortedClusterIds.RemoveAt(0);
        }

        record.Step = FoundingStep.None;
        record.Plan = null;
        record.Coordinates = false;
        journal.Save(record);
        End(FoundingReply<InitResponse>.Refused(why));
    }

    private void End(FoundingReply<InitResponse> answer)
    {
        _question++;
        _calls = null;
        _wish = null;
        _giveUp = Instant.Never;
        Tell(answer);
    }

    private void Tell(FoundingReply<InitResponse> answer)
    {
        foreach (Action<FoundingReply<InitResponse>> waiter in _waiters)
        {
            waiter(answer);
        }

        _waiters.Clear();
    }

    private FoundingReply<InitResponse> Answer(bool already)
    {
        FoundingRecord record = journal.Record;
        var response = new InitResponse
        {
            ClusterId = record.Plan.ClusterId,
            Already = already,
            RegionCount = (uint)record.Plan.Regions.Count,
        };
        response.Stores.AddRange(record.Founders);
        return response;
    }
}
