// Owns placement on the store that leads the system region: what stores told, which ids were given out, which transfers
// are open. Invariants: nothing is scheduled, and nothing unknown is answered, before every known store has reported in
// full or its lease has run out since this driver took over; ids are given only from committed blocks; every step names
// the epoch it was computed from; state of one leadership never survives into the next (System region law).
using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Kv.Placement.Driver;

/// <summary>
/// The placement driver. Public members may be called from any thread: they post, the pump decides. Callbacks are
/// called from the pump (or from the caller when the mailbox is full) and must not block.
/// </summary>
public sealed partial class PlacementDriver : Pump
{
    private readonly PlacementOptions _options;
    private readonly TimeProvider _clock;
    private readonly IPlacementState _state;
    private readonly IPlacementOutbox _outbox;
    private readonly PlacementSeed? _seed;
    private readonly ILogger _log;
    private readonly Mailbox<Action> _mailbox;

    private readonly RegionMap _regions = new();
    private readonly SortedDictionary<StoreId, StoreEntry> _stores = [];
    private readonly Queue<string> _history = new();

    private Phase _phase = Phase.Idle;
    private ulong _term;
    private Instant _tookOver;
    private Instant _now;
    private Instant _loadRetry = Instant.Never;
    private ClusterRecord _cluster = new();
    private StoreInfo? _leaderHint;
    private bool _complete;

    /// <param name="options">Settings.</param>
    /// <param name="clock">The clock seam; monotonic.</param>
    /// <param name="state">Replicated state.</param>
    /// <param name="outbox">The way to the stores.</param>
    /// <param name="seed">What a founder knows; null on a store that joined.</param>
    /// <param name="log">For people.</param>
    public PlacementDriver(
        PlacementOptions options,
        TimeProvider clock,
        IPlacementState state,
        IPlacementOutbox outbox,
        PlacementSeed? seed,
        ILogger log)
    {
        _options = options;
        _clock = clock;
        _state = state;
        _outbox = outbox;
        _seed = seed;
        _log = log;
        _mailbox = new Mailbox<Action>(this, options.RequestsWaitingMax);
        _now = Instant.Now(clock);
    }

    private enum Phase
    {
        /// <summary>This store does not lead the system region.</summary>
        Idle,

        /// <summary>It leads; the replicated state is being read.</summary>
        Loading,

        /// <summary>It leads and knows its state.</summary>
        Leading,
    }

    public override string Name => "placement";

    public override Instant NextDue => _phase switch
    {
        Phase.Idle => Instant.Never,
        Phase.Loading => _loadRetry,
        Phase.Leading => _scheduleDue,
        _ => throw Invariant.Unreachable(_phase),
    };

    /// <summary>
    /// This store now leads region 1 in <paramref name="term"/>. A term not above the known one is ignored.
    /// </summary>
    public void OnLeadership(ulong term) => _mailbox.Post(() => TakeOver(term));

    /// <summary>This store no longer leads region 1.</summary>
    public void OnLeadershipLost() => _mailbox.Post(StepDown);

    /// <summary>
    /// Which store leads region 1, as far as this one knows: told to callers who ask the wrong store.
    /// </summary>
    public void OnLeaderHint(StoreInfo? leader) => _mailbox.Post(() => _leaderHint = leader);

    public override bool RunOnce()
    {
        _now = Instant.Now(_clock);
        List<Action> mail = _mailbox.Drain();
        foreach (Action item in mail)
        {
            item();
        }

        bool worked = mail.Count > 0;
        if (_phase == Phase.Loading && _now >= _loadRetry)
        {
            Load();
            worked = true;
        }

        if (_phase == Phase.Leading)
        {
            worked |= MaybeSchedule();
            PushChanges();
        }

        return worked;
    }

    private void TakeOver(ulong term)
    {
        if (_phase != Phase.Idle && term <= _term)
        {
            return;
        }

        StepDown();
        _term = term;
        _tookOver = _now;
        _phase = Phase.Loading;
        Load();
    }

    private void StepDown()
    {
        if (_phase == Phase.Idle)
        {
            return;
        }

        _phase = Phase.Idle;
        _loadRetry = Instant.Never;
        _complete = false;
        _regions.Clear();
        _stores.Clear();
        DropPending();
        EndWatches();
        DropOperators("placement moved to another store");
    }

    private void Load()
    {
        ulong term = _term;
        _loadRetry = Instant.Never;
        _state.Load(records => _mailbox.Post(() => OnLoaded(term, records)));
    }

    private void OnLoaded(ulong term, IReadOnlyList<(byte[] Key, byte[] Value)>? records)
    {
        if (_phase != Phase.Loading || term != _term)
        {
            return;
        }

        if (records is null)
        {
            _loadRetry = _now.PlusMs(_options.LoadRetryMs);
            return;
        }

        foreach ((byte[] key, byte[] value) in records)
        {
            TakeRecord(key, value);
        }

        if (_cluster.ClusterId == 0)
        {
            WriteSeed(term);
            return;
        }

        Lead();
    }

    private void TakeRecord(byte[] key, byte[] value)
    {
        if (key.AsSpan().SequenceEqual(PlacementRecords.ClusterKey))
        {
            _cluster = ClusterRecord.Parser.ParseFrom(value);
        }
        else if (key.AsSpan().SequenceEqual(PlacementRecords.IdBlockKey))
        {
            _idBlockEnd = IdBlockRecord.Parser.ParseFrom(value).End;
        }
        else if (key.AsSpan().StartsWith(PlacementRecords.StorePrefix))
        {
            var entry = new StoreEntry(StoreRecord.Parser.ParseFrom(value));
            _stores[entry.Id] = entry;
        }
    }

    private void WriteSeed(ulong term)
    {
        if (_seed is null)
        {
            _log.LogError("the system region is empty and this store did not found the cluster");
            _loadRetry = _now.PlusMs(_options.StoreLeaseMs);
            return;
        }

        var cluster = new ClusterRecord
        {
            ClusterId = _seed.Cluster.Value,
            LeaseMs = _seed.LeaseMs,
            LeaseDriftMs = _seed.LeaseDriftMs,
        };
        var mutations = new List<Mutation>
        {
            PlacementRecords.Put(PlacementRecords.ClusterKey, cluster),
            PlacementRecords.Put(PlacementRecords.IdBlockKey, new IdBlockRecord { End = _seed.NextId }),
        };
        foreach (StoreInfo founder in _seed.Founders)
        {
            var record = new StoreRecord { Store = PlacementRecords.Lasting(founder) };
            mutations.Add(PlacementRecords.Put(PlacementRecords.StoreKey(new StoreId(founder.Id)), record));
        }

        // Whether it was committed or not, what counts is what is read back.
        _state.Propose(mutations, term, _ => _mailbox.Post(() =>
        {
            if (_phase == Phase.Loading && term == _term)
            {
                _loadRetry = _now;
            }
        }));
    }

    private void Lead()
    {
        _phase = Phase.Leading;
        _scheduleDue = _now;
        _storeListNumber++;
        _log.LogInformation(
            "leading in term {Term} with {Stores} known stores", _term, _stores.Count);
        foreach (StoreId store in _stores.Keys)
        {
            _outbox.Send(store, new PlacementOrders { PlacementTerm = _term, ReportAll = true });
        }
    }

    private void Record(string line)
    {
        _log.LogInformation("{Decision}", line);
        _history.Enqueue(line);
        while (_history.Count > _options.HistoryCountMax)
        {
            _history.Dequeue();
        }
    }
}
