// Owns the way in (Queue law): everything a client can get wrong is refused here, by name, before it costs anything;
// what is let in holds credits until it is answered. Gets under lease are answered on the caller's thread (Read law),
// unless they need the disk.
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Log;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Store.Raft;
using Kv.Store.Reads;

namespace Kv.Store;

internal sealed partial class Door : IRequestDoor
{
    private readonly StoreContext _context;
    private readonly StoreOptions _options;
    private readonly IEngine _engine;
    private readonly ISharedLog _log;
    private readonly TimeProvider _clock;
    private readonly RegionTable _table;
    private readonly RaftLoop _raft;
    private readonly ReadLoops _reads;
    private readonly StoreBook _stores;
    private readonly ProposalCredits _credits;
    private readonly RegionClock _regionClock;
    private readonly SessionId _ownSession;
    private long _ownSequence;
    private long _leaseReads;
    private long _indexReads;
    private long _diskReads;
    private long _existsReads;
    private long _multiGets;

    public Door(
        StoreContext context, RegionTable table, RaftLoop raft, ReadLoops reads, StoreBook stores,
            ProposalCredits credits,
        RegionClock regionClock)
    {
        _context = context;
        _options = context.Options;
        _engine = context.Engine;
        _log = context.Log;
        _clock = context.Clock;
        _table = table;
        _raft = raft;
        _reads = reads;
        _stores = stores;
        _credits = credits;
        _regionClock = regionClock;

        // Callers that bring no identity get one of this store's life: their write is sent once, by this store, and
        // never again.
        _ownSession = new SessionId(context.Cluster.Value ^ (context.Self.Id << 32), context.Self.Incarnation);
    }

    /// <summary>Reads answered under lease on the receiving thread.</summary>
    public long LeaseReads => Volatile.Read(ref _leaseReads);

    /// <summary>Reads sent to a ReadIndex round.</summary>
    public long IndexReads => Volatile.Read(ref _indexReads);

    /// <summary>Gets under lease that were not in memory and went to the read loops.</summary>
    public long DiskReads => Volatile.Read(ref _diskReads);

    /// <summary>Gets that asked whether a key exists.</summary>
    public long ExistsReads => Volatile.Read(ref _existsReads);

    /// <summary>Multi-gets, each of many keys.</summary>
    public long MultiGets => Volatile.Read(ref _multiGets);

    public void Submit(Request request, IResponseSink sink)
    {
        RegionError? error = request.CommandCase switch
        {
            Request.CommandOneofCase.Get => Get(request, sink),
            Request.CommandOneofCase.Write => Write(request, sink),
            Request.CommandOneofCase.Scan => Scan(request, sink),
            Request.CommandOneofCase.Routes => Routes(request, sink),
            Request.CommandOneofCase.MultiGet => MultiGet(request, sink),
            _ => Errors.Invalid("command", "the request names no command that this store knows"),
        };
        if (error is not null)
        {
            sink.OnResponse(new Response { Id = request.Id, Error = error });
        }
    }

    /// <summary>
    /// A write of placement into the system region, only while this store leads it in <paramref name="term"/>; keys
    /// without the prefix byte.
    /// </summary>
    public void SubmitSystem(IReadOnlyList<Mutation> mutations, Term term, IResponseSink sink)
    {
        RegionHandle? region = _table.Find(RegionId.System);
        if (region is null)
        {
            sink.OnResponse(new Response { Error = Errors.RegionNotFound(RegionId.System.Value) });
            return;
        }

        var keys = new List<byte[]>(mutations.Count);
        foreach (Mutation mutation in mutations)
        {
            keys.Add(KeySpace.SystemKey(mutation.Key.Span));
        }

        RegionError? error = CheckAdmission(region) ?? Propose(
            region,
            region.Descriptor.Epoch.Version,
            EntryCodec.EncodeWrite(OwnIdentity(), keys, mutations),
            new Request(),
            sink,
            term);
        if (error is not null)
        {
            sink.OnResponse(new Response { Error = error });
        }
    }

    /// <summary>A linearizable read of the whole system region.</summary>
    public void LoadSystem(Action<IReadOnlyList<KeyValuePair<byte[], byte[]>>?> done)
    {
        RegionHandle? region = _table.Find(RegionId.System);
        var read = region is null
            ? null
            : new ReadRequest
            {
                RequestId = 0,
                Sink = NoSink.Instance,
                Region = region,
                Version = 0,
                Deadline = Instant.Now(_clock).PlusMs(_options.RequestTimeoutMs),
                AnyPeer = false,
                SystemLoad = done,
            };
        if (read is null || !_raft.TryPostRead(read))
        {
            done(null);
        }
    }

    /// <summary>
    /// Another store is known to lead: said at once, without waking a region that sleeps. It is a hint and may be old;
    /// then the other store says so in turn.
    /// </summary>
    private RegionError? LedElsewhere(RegionHandle region)
    {
        LeaderHint leader = region.Leader;
        return leader.Peer.IsNone || leader.Peer == region.Self
            ? null
            : Errors.NotLeader(region, _stores.Find, maybeApplied: false);
    }

    private RegionError? Routes(Request request, IResponseSink sink)
    {
        if (_context.SystemListener is not { } placement)
        {
            return new RegionError
            {
                Message = "this store does not run placement",
                NotPlacementLeader = new NotPlacementLeader { LeaderStore = _stores.Find(_stores.SystemLeader.Store) },
            };
        }

        ulong id = request.Id;
        placement.OnRoutes(request.Routes, routes =>
        {
            // A client's first stamp: an idle region's own time may lie far back, below other regions' floors (Once
            // law).
            routes.RegionTime = Math.Max(routes.RegionTime, _regionClock.Now());
            sink.OnResponse(new Response { Id = id, RegionTime = routes.RegionTime, Routes = routes });
        });
        return null;
    }

    private RegionError? Locate(ulong regionId, ulong version, ReadOnlySpan<byte> key, out RegionHandle? region)
    {
        region = regionId == 0 ? _table.FindByKey(key) : _table.Find(new RegionId(regionId));
        if (region is null || region.Descriptor.IsSystem)
        {
            return Errors.RegionNotFound(regionId);
        }

        if (version != 0 && region.Descriptor.Epoch.Version != version)
        {
            return Errors.EpochNotMatch(region);
        }

        return region.Descriptor.Contains(key) ? null : Errors.KeyNotInRegion(region, key);
    }

    private RegionError? CheckKey(ReadOnlySpan<byte> key) => MutationChecks.Key(key, _options.Limits);

    private Instant DeadlineOf(uint timeoutMs) =>
        Instant.Now(_clock).PlusMs(timeoutMs == 0 ? _options.RequestTimeoutMs : Math.Min(timeoutMs, (
            uint)_options.RequestTimeoutMs));

    private sealed class NoSink : IResponseSink
    {
        public static readonly NoSink Instance = new();

        public void OnResponse(Response response)
        {
        }
    }
}
