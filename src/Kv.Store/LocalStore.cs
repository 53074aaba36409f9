// Owns the composition of one store: its loops and what they share, and the checks at open that decide which peers may
// live. Nothing here runs by itself: the process (or the simulator) drives the pumps.
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Log;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Raft;
using Kv.Store.Apply;
using Kv.Store.Meta;
using Kv.Store.Raft;
using Kv.Store.Reads;

namespace Kv.Store;

/// <summary>
/// One store: the peers of many regions behind one door. Open it on an engine and a log that belong together, drive
/// <see cref="Pumps"/>, feed it envelopes. All members are safe from any thread.
/// </summary>
public sealed class LocalStore : IEnvelopeReceiver, IDisposable
{
    private readonly StoreContext _context;
    private readonly RegionTable _table = new();
    private readonly StoreBook _stores;
    private readonly ProposalCredits _credits;
    private readonly RaftLoop _raft;
    private readonly ApplyLoop _apply;
    private readonly ReadLoops _reads;
    private readonly Door _door;

    private LocalStore(StoreContext context)
    {
        _context = context;
        StoreOptions options = context.Options;
        _stores = new StoreBook(context.Self, context.Transport.SetStore);
        _credits = new ProposalCredits(options.ProposalBytesMax, options.ProposalBytesPerRegionMax);
        var clock = new RegionClock(context.Clock);
        _apply = new ApplyLoop(context.Engine, done => _raft!.PostApplyDone(done));
        _reads = new ReadLoops(context.Engine, context.Clock, options);
        var writer = new LogWriter(context.Log, work => _raft!.PostLogDone(work));
        _raft = new RaftLoop(context, _table, _apply, _reads, writer, _stores, clock);
        _reads.SetRaft(_raft.TryPostRead);
        _door = new Door(context, _table, _raft, _reads, _stores, _credits, clock);
        var durable = new DurabilityPump(
            context.Engine, context.Clock, options, () => _apply.UnsyncedBytes, _apply.TakeUnsyncedBytes, () =>
                _table.All, _stores,
            _raft.PostDurable);
        Pumps = [_raft, writer, _apply, .. _reads.Pumps, durable];
    }

    /// <summary>The loops, each to be driven by one thread of its own, or in any order by the simulator.</summary>
    public IReadOnlyList<Pump> Pumps { get; }

    public IRequestDoor Door => _door;

    /// <summary>Hears of every command that was decided here, inside the apply loop. For tests.</summary>
    public Action<AppliedCommand>? ApplyObserver
    {
        get => _apply.Observer;
        set => _apply.Observer = value;
    }

    /// <summary>
    /// Lets <paramref name="observer"/> see every turn of every peer, inside the raft loop. Before the first turn. For
    /// tests.
    /// </summary>
    public void Observe(IPeerObserver observer) => _raft.Observe(observer);

    /// <summary>
    /// Opens the store on what engine and log hold. A peer whose log and applied state do not fit together is
    /// quarantined, never patched (Cut law); a group in the log that meta does not know is damage and is refused by
    /// name (Truth law).
    /// </summary>
    /// <exception cref="MalformedDataException">Meta holds something that this version cannot read.</exception>
    public static LocalStore Open(StoreContext context)
    {
        var store = new LocalStore(context);
        store.LoadKnownStores();
        int quarantined = store.LoadPeers();
        StoreLog.Opened(context.Logger, store._raft.PeerCount, quarantined);
        return store;
    }

    /// <summary>
    /// After the pumps' last turn: gives back what the loops hold of the engine, which the caller closes then.
    /// </summary>
    public void Dispose() => _apply.Dispose();

    public bool OnEnvelope(StoreId from, Incarnation incarnation, StoreEnvelope envelope) =>
        _raft.OnEnvelope(from, incarnation, envelope);

    /// <summary>Tells of another store, from a seed or from founding.</summary>
    public void LearnStore(StoreInfo store) => _stores.Learn(store);

    /// <summary>Newest known address of a store; null when it was never heard of.</summary>
    public StoreInfo? FindStore(StoreId store) => _stores.Find(store);

    /// <summary>Where region 1 is led as far as this store knows; null when it does not.</summary>
    public StoreInfo? FindSystemLeader() => _stores.Find(_stores.SystemLeader.Store);

    public IReadOnlyList<StoreInfo> OtherStores() => _stores.Others();

    /// <summary>
    /// Reads the whole system region linearizably; null when this store cannot. Keys come without the prefix byte.
    /// </summary>
    public void LoadSystemRegion(Action<IReadOnlyList<KeyValuePair<byte[], byte[]>>?> done) => _door.LoadSystem(done);

    /// <summary>
    /// Writes to the system region, only while this store leads it in <paramref name="term"/>. Keys without the prefix
    /// byte. True = committed and applied; false = not, or not known.
    /// </summary>
    public void WriteSystemRegion(IReadOnlyList<Mutation> mutations, Term term, Action<bool> done) =>
        _door.SubmitSystem(mutations, term, new BoolSink(done));

    /// <summary>Sends placement's orders to a store (this one included).</summary>
    public void SendOrders(StoreId store, PlacementOrders orders) => _raft.PostControl(_ => _raft.SendOrders(store,
        orders));

    /// <summary>Starts a leadership transfer; answers null when it was started, else why not.</summary>
    public void TransferLeader(RegionId region, StoreId target, Action<string?> done) =>
        _raft.PostControl(_ => done(_raft.Transfer(region, target)));

    /// <summary>Describes one region as this store sees it; null when it has no peer here.</summary>
    public void DescribeRegion(RegionId region, Action<RegionShowResponse?> done) =>
        _raft.PostControl(_ => done(_raft.Describe(region)));

    /// <summary>
    /// Begins to hand all leaderships away. Watch <see cref="Describe"/> until none is left or patience ends.
    /// </summary>
    public void BeginStop() => _raft.PostControl(_ => _raft.BeginStop());

    /// <summary>Numbers of this moment, answered from inside the raft loop.</summary>
    public void Describe(Action<StoreStatus> done) => _raft.PostControl(_ => done(StatusNow()));

    /// <summary>
    /// Counts keys and bytes of a region in this store's engine, exactly, at one moment. Walks the whole region.
    /// </summary>
    public (ulong Keys, ulong Bytes)? CountRegion(RegionId id)
    {
        if (_table.Find(id) is not { } region)
        {
            return null;
        }

        ulong keys = 0;
        ulong bytes = 0;
        RegionDescriptor descriptor = region.Descriptor;
        using IEngineIterator rows = _context.Engine.Iterate(ColumnFamily.Data, descriptor.Start, descriptor.End);
        for (rows.SeekToFirst(); rows.Valid; rows.Next())
        {
            keys++;
            bytes += (ulong)(rows.Key.Length - 1 + rows.Value.Length - StoredValue.HeaderBytes);
        }

        return (keys, bytes);
    }

    /// <summary>
    /// A fingerprint of each region's replicated state with the index it was applied to, from one view: peers applied
    /// to the same index have the same. Walks all data.
    /// </summary>
    public IReadOnlyList<(ulong Region, ulong Applied, ulong Hash)> HashRegions()
    {
        var hashes = new List<(ulong, ulong, ulong)>();
        using IEngineSnapshot view = _context.Engine.Snapshot();
        foreach (PeerRecord record in StoreMeta.ReadRegions(view))
        {
            if (record.Life == PeerLife.Live)
            {
                hashes.Add((
                    record.Descriptor.Id.Value, StoreMeta.ReadApplied(view, record).Index.Value,
                    RegionContent.Hash(view, record.Descriptor)));
            }
        }

        return hashes;
    }

    private StoreStatus StatusNow()
    {
        var stopped = new List<(ulong, string)>();
        foreach ((RegionId region, string reason) in _raft.Stopped)
        {
            stopped.Add((region.Value, reason));
        }

        return new StoreStatus
        {
            RegionCount = _raft.PeerCount,
            LeaderCount = _raft.CountLeaders(),
            AwakeCount = _raft.AwakeCount,
            LogBytes = _context.Log.SizeBytes,
            LogBytesMax = _context.Options.LogBytesMax,
            LogSyncCount = _context.Log.SyncCount,
            CommandCount = _apply.CommandCount,
            LeaseReadCount = _door.LeaseReads,
            IndexReadCount = _door.IndexReads,
            DiskReadCount = _door.DiskReads,
            ExistsReadCount = _door.ExistsReads,
            MultiGetCount = _door.MultiGets,
            GuardedMutations = _apply.Operations.ByKind(),
            WritesRefusedCount = _apply.Operations.Refused,
            ProposalBytes = _credits.Bytes,
            DroppedMessageCount = _raft.DroppedMessages,
            HeartbeatsWithheldCount = _raft.HeartbeatsWithheld,
            SystemLeaderStore = _stores.SystemLeader.Store.Value,
            Stopped = stopped,
        };
    }

    private void LoadKnownStores()
    {
        using IEngineIterator rows = _context.Engine.Iterate(
            ColumnFamily.Meta, MetaKeys.KnownStoresStart, MetaKeys.KnownStoresEnd);
        for (rows.SeekToFirst(); rows.Valid; rows.Next())
        {
            _stores.Learn(StoreInfo.Parser.ParseFrom(rows.Value));
        }

        _stores.TakeChanged();
    }

    private int LoadPeers()
    {
        var known = new HashSet<ulong>();
        var handles = new List<RegionHandle>();
        int quarantined = 0;
        foreach (PeerRecord record in StoreMeta.ReadRegions(_context.Engine))
        {
            RegionDescriptor descriptor = record.Descriptor;
            known.Add(descriptor.Id.Value);
            if (record.Life == PeerLife.Tombstone || descriptor.PeerOn(_context.Id) is not { } self)
            {
                continue;
            }

            AppliedState applied = StoreMeta.ReadApplied(_context.Engine, record);
            if (WhyNotFit(record, applied) is { } reason)
            {
                quarantined++;
                StoreLog.Quarantined(_context.Logger, descriptor.Id.Value, self.Id.Value, reason);
                _raft.AddStopped(descriptor.Id, reason);
                continue;
            }

            StorePeer peer = NewPeer(record, self, applied);
            _raft.AddPeer(peer);
            if (peer.IsNewborn)
            {
                _raft.BeginLog(peer, record.InitialIndex, record.InitialTerm);
            }

            handles.Add(peer.Handle);
        }

        _table.Add(handles);
        foreach (LogGroupState group in _context.Log.Groups())
        {
            if (!known.Contains(group.Group))
            {
                throw new MalformedDataException(
                    $"the raft log holds region {group.Group}, which this store's meta does not know: engine"
                        + $" and log do not belong together");
            }
        }

        return quarantined;
    }

    /// <summary>Cut law: first − 1 ≤ applied ≤ last holds for every peer, or the peer is quarantined.</summary>
    private string? WhyNotFit(PeerRecord record, AppliedState applied)
    {
        if (record.Life == PeerLife.Quarantined)
        {
            return "it was quarantined before";
        }

        RegionId region = record.Descriptor.Id;
        if (IsDamaged(region))
        {
            return "its part of the raft log is damaged";
        }

        ulong truncated = record.InitialIndex.Value;
        ulong last = truncated;
        if (_context.Log.Find(region.Value) is { } state)
        {
            truncated = Math.Max(truncated, state.TruncatedIndex);
            last = Math.Max(truncated, state.LastIndex);
        }

        return applied.Index.Value >= truncated && applied.Index.Value <= last
            ? null
            : $"applied index {applied.Index} does not fit the log from {truncated + 1} to {last}";
    }

    private bool IsDamaged(RegionId region)
    {
        foreach (LogDamage damage in _context.Log.DamagedGroups)
        {
            if (damage.Group == region.Value)
            {
                return true;
            }
        }

        return false;
    }

    private StorePeer NewPeer(PeerRecord record, PeerDescriptor self, AppliedState applied)
    {
        RegionDescriptor descriptor = record.Descriptor;
        StoreOptions options = _context.Options;
        var storage = new PeerStorage(_context.Log, descriptor.Id, record.InitialIndex, record.InitialTerm);
        LogGroupState? log = _context.Log.Find(descriptor.Id.Value);
        LogHardState hard = log?.HardState
            ?? new LogHardState(record.InitialTerm.Value, Vote: 0, record.InitialIndex.Value);

        // A group that the log has never heard of has made no promise: its first leader need not wait (Lease law).
        PeerDescriptor first = descriptor.Peers[(int)(descriptor.Id.Value % (ulong)descriptor.Peers.Count)];
        var config = new RaftConfig
        {
            Id = self.Id,
            Seed = _context.Seed ^ (descriptor.Id.Value * 0x9E3779B97F4A7C15),
            StartedAt = Instant.Now(_context.Clock),
            Applied = applied.Index,
            ElectionTicks = options.ElectionTicks,
            HeartbeatTicks = options.HeartbeatTicks,
            LeaseMs = options.LeaseMs,
            LeaseDriftMs = options.LeaseDriftMs,
            CommitAtOnce = Buggify.At("store.raft.commitAtOnce"),
            FirstLeader = log is null ? first.Id : default,
        };
        if (Buggify.At("store.raft.tinyWindows"))
        {
            config = config with { InflightCountMax = 2, AppendBytesMax = 64, CommittedBytesPerReadyMax = 64 };
        }

        var hardState = new HardState(new Term(hard.Term), new PeerId(hard.Vote), new LogIndex(hard.Commit));
        var core = new RaftPeer(config, hardState, ConfOf(descriptor), storage);
        var handle = new RegionHandle(descriptor, self.Id);
        var applier = new RegionApplier(handle, applied, options.OutcomeBytesMax, options.OutcomeAgeMs);
        return new StorePeer(handle, core, applier) { IsNewborn = log is null,
            CutIndex = storage.FirstIndex.Previous() };
    }

    private static ConfState ConfOf(RegionDescriptor descriptor)
    {
        var voters = new List<PeerId>();
        var learners = new List<PeerId>();
        foreach (PeerDescriptor peer in descriptor.Peers)
        {
            (peer.Role == PeerRole.Learner ? learners : voters).Add(peer.Id);
        }

        return new ConfState(voters, learners, [], [], AutoLeave: false);
    }

    private sealed class BoolSink(Action<bool> done) : IResponseSink
    {
        public void OnResponse(Response response) => done(response.ResultCase == Response.ResultOneofCase.Write);
    }
}
