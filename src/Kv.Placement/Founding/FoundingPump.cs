using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Kv.Placement.Founding;

/// <summary>
/// A store's part in founding a cluster, as founder and, on the founder whose address is first, as coordinator. Public
/// members may be called from any thread; callbacks come from the pump.
/// </summary>
public sealed class FoundingPump : Pump
{
    /// <summary>Calls waiting; founders are few and repeat what is lost.</summary>
    private const int CallsWaitingMax = 1_024;

    private readonly TimeProvider _clock;
    private readonly Mailbox<Action> _mailbox;
    private readonly FoundingParticipant _participant;
    private readonly FoundingCoordinator _coordinator;
    private Instant _now;

    /// <param name="options">What this store tells.</param>
    /// <param name="storage">Its durable record; read here.</param>
    /// <param name="peers">Calls to other founders.</param>
    /// <param name="clock">The clock seam.</param>
    /// <param name="random">Where a cluster id is drawn from.</param>
    /// <param name="onCommitted">
    /// Called from the pump when this store becomes committed: it may serve. Not called when it was committed at the
    /// start.
    /// </param>
    /// <param name="log">For people.</param>
    public FoundingPump(
        FoundingOptions options,
        IFoundingStorage storage,
        IFoundingPeer peers,
        TimeProvider clock,
        DeterministicRandom random,
        Action<FoundingRecord> onCommitted,
        ILogger log)
    {
        _clock = clock;
        _mailbox = new Mailbox<Action>(this, CallsWaitingMax);
        var journal = new FoundingJournal(storage, onCommitted);
        _participant = new FoundingParticipant(options, journal, peers, _mailbox.Post, log);
        _coordinator = new FoundingCoordinator(options, journal, peers, random, _mailbox.Post, log);
        _now = Instant.Now(clock);
        _coordinator.Resume();
    }

    public override string Name => "founding";

    public override Instant NextDue =>
        _participant.NextDue < _coordinator.NextDue ? _participant.NextDue : _coordinator.NextDue;

    /// <summary>Founds the cluster the request describes, or answers which one it founded before.</summary>
    public void Init(InitRequest request, Action<FoundingReply<InitResponse>> done) =>
        Take(() => _coordinator.OnInit(request, _now, done), done);

    public void OnInspect(Action<FoundingReply<InspectResponse>> done) =>
        Take(() => done(_participant.OnInspect()), done);

    public void OnPrepare(FoundingPlan plan, Action<FoundingReply<PrepareResponse>> done) =>
        Take(() => done(_participant.OnPrepare(plan, _now)), done);

    public void OnCommit(CommitRequest request, Action<FoundingReply<CommitResponse>> done) =>
        Take(() => done(_participant.OnCommit(request)), done);

    public void OnOutcome(OutcomeRequest request, Action<FoundingReply<OutcomeResponse>> done) =>
        Take(() => done(_participant.OnOutcome(request)), done);

    public override bool RunOnce()
    {
        _now = Instant.Now(_clock);
        List<Action> mail = _mailbox.Drain();
        foreach (Action item in mail)
        {
            item();
        }

        return mail.Count > 0 | _coordinator.Advance(_now) | _participant.MaybeAsk(_now);
    }

    private void Take<T>(Action item, Action<FoundingReply<T>> done)
        where T : class
    {
        if (!_mailbox.TryPost(item))
        {
            done(FoundingReply<T>.Failed("too many founding calls are waiting"));
        }
    }
}
