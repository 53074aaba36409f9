// Owns every peer of this store: consensus of all regions turns here, on one thread (production) or in a seeded order
// (simulation). A turn drains mail, steps the touched peers, gathers every Ready, hands one write to the log for all of
// them, and passes committed entries to the apply loop. No lock is held, nothing waits, nothing is awaited inside.
//
// Invariants: a peer's state is touched only here; a read gate is replaced before anything that ends it leaves this
// turn; one log write is under way at a time; completions have room by construction (Queue law).
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Store.Apply;
using Kv.Store.Reads;

namespace Kv.Store.Raft;

internal sealed partial class RaftLoop : Pump
{
    private readonly StoreContext _context;
    private readonly StoreOptions _options;
    private readonly RegionTable _table;
    private readonly ApplyLoop _apply;
    private readonly ReadLoops _reads;
    private readonly LogWriter _writer;
    private readonly StoreBook _stores;
    private readonly RegionClock _regionClock;
    private readonly DeterministicRandom _random;

    private readonly Mailbox<PendingWrite> _writeMail;
    private readonly Mailbox<ReadRequest> _readMail;
    private readonly Mailbox<(StoreId From, Incarnation Incarnation, StoreEnvelope Envelope, int Bytes)> _envelopeMail;
    private readonly Mailbox<LogWork> _logDoneMail;
    private readonly Mailbox<ApplyDone> _applyDoneMail;
    private readonly Mailbox<List<DurableApplied>> _durableMail;
    private readonly Mailbox<Action<Instant>> _controlMail;

    private readonly SortedDictionary<RegionId, StorePeer> _peers = [];
    private readonly List<StorePeer> _awake = [];
    private readonly List<StorePeer> _touched = [];
    private readonly Instant _startedAt;
    private Instant _nextTick;
    private Instant _now;
    private bool _beganToWaitForApply;

    // Written by transports' threads (up) and this loop (down).
    private long _envelopeBytes;

    public RaftLoop(
        StoreContext context, RegionTable table, ApplyLoop apply, ReadLoops reads, LogWriter writer, StoreBook stores,
            RegionClock regionClock)
    {
        _context = context;
        _options = context.Options;
        _table = table;
        _apply = apply;
        _reads = reads;
        _writer = writer;
        _stores = stores;
        _regionClock = regionClock;
        _random = new DeterministicRandom(context.Seed);
        _startedAt = Instant.Now(context.Clock);
        _now = _startedAt;
        _applyTurnedAt = _startedAt;
        _nextTick = _startedAt.PlusMs(_options.TickMs);
        _nextReadId = context.Self.Incarnation << 40;
        _writeMail = new(this, _options.RequestsWaitingMax);
        _readMail = new(this, _options.RequestsWaitingMax);

        // Envelopes are bounded by bytes (see OnEnvelope); the others are completions of bounded work, or control.
        _envelopeMail = new(this, int.MaxValue);
        _logDoneMail = new(this, int.MaxValue, urgent: true);
        _applyDoneMail = new(this, int.MaxValue);
        _durableMail = new(this, int.MaxValue);
        _controlMail = new(this, int.MaxValue);
    }

    public override string Name => "raft";

    public override Instant NextDue
    {
        get
        {
            Instant due = _gatherDue < _nextTick ? _gatherDue : _nextTick;
            return Holds && _holdUntil < due ? _holdUntil : due;
        }
    }

    public bool TryPostWrite(PendingWrite write) => _writeMail.TryPost(write);

    public bool TryPostRead(ReadRequest read) => _readMail.TryPost(read);

    public void PostLogDone(LogWork work) => _logDoneMail.Post(work);

    /// <summary>
    /// Most of the time nobody waits to hear that something was applied: then the loop is not woken for it, which
    /// otherwise is one turn in three under light load.
    /// </summary>
    public void PostApplyDone(ApplyDone done)
    {
        if (done.Applier is null || done.StoppedBy is not null)
        {
            _applyDoneMail.Post(done);
            return;
        }

        _applyDoneMail.PostQuietly(done);
        Interlocked.MemoryBarrier();
        if (done.Applier.Handle.WakesOnApply)
        {
            _applyDoneMail.WakeFor();
        }
    }

    public void PostDurable(List<DurableApplied> marks) => _durableMail.Post(marks);

    /// <summary>Runs <paramref name="action"/> inside the loop's next turn.</summary>
    public void PostControl(Action<Instant> action) => _controlMail.Post(action);

    public override bool RunOnce()
    {
        _now = Instant.Now(_context.Clock);
        Holds = false;
        bool worked = DrainLogDone();
        worked |= DrainApplyDone();
        worked |= DrainEnvelopes();
        worked |= DrainDurable();
        worked |= DrainControl();
        worked |= DrainWrites();
        worked |= DrainReads();
        worked |= TickWhenDue();
        worked |= _touched.Count > 0;
        TakeReadies();
        if (_proposers.Count > 0)
        {
            // What was committed above may have ended a wait.
            ProposeGathered();
            TakeReadies();
        }

        HandOverLog();
        SendOutbox();
        Holds = _logBusy && _now < _holdUntil;
        if (_beganToWaitForApply)
        {
            // What was applied before the apply loop could see that this one waits.
            _beganToWaitForApply = false;
            worked |= _applyDoneMail.Count > 0;
        }

        return worked;
    }

    /// <summary>Adds a peer found in meta at start. Before the first turn only.</summary>
    public void AddPeer(StorePeer peer)
    {
        _peers.Add(peer.Handle.Id, peer);
        peer.LastActive = _now;
        peer.ReportDirty = true;
        KeepAwake(peer);
        ScheduleFirstCampaign(peer);
    }

    /// <summary>
    /// Truth law: a region in meta without a log starts from its fixed initial position. The record goes ahead of the
    /// group's first other one; until there is one, a restart finds the same and does the same.
    /// </summary>
    public void BeginLog(StorePeer peer, LogIndex index, Term term) =>
        _building.Batch.Reset(peer.Handle.Id.Value, index.Value, term.Value);

    private bool DrainControl()
    {
        List<Action<Instant>> actions = _controlMail.Drain();
        foreach (Action<Instant> action in actions)
        {
            action(_now);
        }

        return actions.Count > 0;
    }

    private bool TickWhenDue()
    {
        if (_now < _nextTick)
        {
            return false;
        }

        // One tick however late: a paused process must not count its pause as silence of others.
        _nextTick = _now.PlusMs(_options.TickMs);
        for (int i = _awake.Count - 1; i >= 0; i--)
        {
            StorePeer peer = _awake[i];
            if (peer.Sleep == SleepPhase.Awake && !_stalled)
            {
                peer.Core.Tick(_now);
                Disturb(peer);
                Touch(peer);
            }

            TickReads(peer);
            TickProposals(peer);
        }

        TickLiveness();
        RunCampaigns();
        TickSleep();
        TickCuts();
        TickReports();
        return true;
    }

    private void Touch(StorePeer peer)
    {
        if (!peer.Touched)
        {
            peer.Touched = true;
            _touched.Add(peer);
        }
    }

    private StorePeer? FindPeer(RegionId region) => _peers.GetValueOrDefault(region);
}
