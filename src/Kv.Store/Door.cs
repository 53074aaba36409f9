// Owns the way in (Queue law): everything a client can get wrong is refused here, by name, before it costs anything;
// what is let in holds credits until it is answered. Gets under lease are answered on the caller's thread (Read law),
// unless they need the disk.
using System.Buffers;
using Kv.Base;
using Kv.Engine;
using Kv.Engine.Log;
using Kv.Protocol;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;
using Kv.Store.Raft;
using Kv.Store.Reads;

namespace Kv.Store;

internal sealed class Door : IRequestDoor
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

    public void Submit(Request request, IResponseSink sink)
    {
        RegionError? error = request.CommandCase switch
        {
            Request.CommandOneofCase.Get => Get(request, sink),
            Request.CommandOneofCase.Write => Write(request, sink),
            Request.CommandOneofCase.Scan => Scan(request, sink),
            Request.CommandOneofCase.Routes => Routes(request, sink),
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

        RegionError? error = Propose(region, region.Descriptor.Epoch.Version, OwnIdentity(), keys, mutations,
            new Request(), sink, term);
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

    private RegionError? Get(Request request, IResponseSink sink)
    {
        ReadOnlySpan<byte> userKey = request.Get.Key.Span;
        if (CheckKey(userKey) is { } wrong)
        {
            return wrong;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(userKey.Length + 1);
        try
        {
            rented[0] = KeySpace.UserPrefix;
            userKey.CopyTo(rented.AsSpan(1));
            ReadOnlySpan<byte> key = rented.AsSpan(0, userKey.Length + 1);
            if (Locate(request.RegionId, request.Version, key, out RegionHandle? region) is { } error)
            {
                return error;
            }

            if (request.Get.Mode == ReadMode.Lease)
            {
                switch (TryLeaseGet(request.Id, region!, key, sink))
                {
                    case LeaseGet.Answered:
                        return null;
                    case LeaseGet.NeedsDisk:
                        Interlocked.Increment(ref _diskReads);
                        return _reads.TryPostDiskGet(
                            NewRead(request, region!, sink, ReadMode.Lease, key.ToArray(), null))
                            ? null
                            : Errors.Busy("too many reads wait for the disk", 50);
                    case LeaseGet.NoLease:
                    default:
                        break;
                }

                if (LedElsewhere(region!) is { } elsewhere)
                {
                    return elsewhere;
                }
            }

            return AskRaft(NewRead(request, region!, sink, request.Get.Mode, key.ToArray(), null));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>
    /// Gate, view, gate: answers only if nothing that ends the lease came between (Read law). Runs on the thread that
    /// received the request, which many requests share, so it does not wait for the disk.
    /// </summary>
    private LeaseGet TryLeaseGet(ulong requestId, RegionHandle region, ReadOnlySpan<byte> key, IResponseSink sink)
    {
        ReadGate? before = region.Gate;
        if (before is null)
        {
            return LeaseGet.NoLease;
        }

        var result = new GetResult();
        if (_engine.TryReadCached(ColumnFamily.Data, key, result, ReadLoop.Fill) == CachedRead.NotInMemory)
        {
            return LeaseGet.NeedsDisk;
        }

        if (!ReadGate.Holds(before, region.Gate, Instant.Now(_clock)))
        {
            return LeaseGet.NoLease;
        }

        Interlocked.Increment(ref _leaseReads);
        sink.OnResponse(new Response { Id = requestId, RegionTime = region.RegionTime, Get = result });
        return LeaseGet.Answered;
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

    private RegionError? AskRaft(ReadRequest read)
    {
        Interlocked.Increment(ref _indexReads);
        return _raft.TryPostRead(read) ? null : Errors.Busy("too many requests wait", 50);
    }

    private RegionError? Scan(Request request, IResponseSink sink)
    {
        ScanRequest scan = request.Scan;
        if (scan.StartKey.Length > _options.Limits.KeyBytesMax || scan.EndKey.Length > _options.Limits.KeyBytesMax)
        {
            return Errors.Invalid("key", $"a bound of the scan is longer than {_options.Limits.KeyBytesMax} bytes");
        }

        if (!scan.EndKey.IsEmpty && scan.StartKey.Span.SequenceCompareTo(scan.EndKey.Span) > 0)
        {
            return Errors.Invalid("start_key", "the scan's start key lies after its end key");
        }

        ulong regionId = request.RegionId;
        RegionHandle? region = regionId != 0
            ? _table.Find(new RegionId(regionId))
            : scan.Reverse ? FindReverse(scan) : _table.FindByKey(KeySpace.ToInternal(scan.StartKey.Span));
        if (region is null || region.Descriptor.IsSystem)
        {
            return Errors.RegionNotFound(regionId);
        }

        if (request.Version != 0 && region.Descriptor.Epoch.Version != request.Version)
        {
            return Errors.EpochNotMatch(region);
        }

        if (scan.Mode == ReadMode.Lease && LedElsewhere(region) is { } elsewhere)
        {
            return elsewhere;
        }

        ReadRequest read = NewRead(request, region, sink, scan.Mode, null, scan);
        if (scan.Mode == ReadMode.Lease && region.Gate is not null)
        {
            return _reads.TryPost(read) ? null : Errors.Busy("too many scans wait", 50);
        }

        return AskRaft(read);
    }

    /// <summary>
    /// The region where a reverse scan without a region id begins: the one that holds the last key below its end.
    /// </summary>
    private RegionHandle? FindReverse(ScanRequest scan)
    {
        byte[] end = KeySpace.EndToInternal(scan.EndKey.Span);
        foreach (RegionHandle region in _table.All)
        {
            if (region.Descriptor.Start.AsSpan().SequenceCompareTo(end) < 0
                && region.Descriptor.End.AsSpan().SequenceCompareTo(end) >= 0)
            {
                return region;
            }
        }

        return null;
    }

    private RegionError? Write(Request request, IResponseSink sink)
    {
        WriteCommand write = request.Write;
        if (CheckMutations(write, out List<byte[]> keys) is { } wrong)
        {
            return wrong;
        }

        if (Locate(request.RegionId, request.Version, keys[0], out RegionHandle? region) is { } error)
        {
            return error;
        }

        foreach (byte[] key in keys)
        {
            if (!region!.Descriptor.Contains(key))
            {
                return Errors.KeyNotInRegion(region, key);
            }
        }

        if (CheckIdentity(write.Identity, out CommandIdentity identity) is { } bad)
        {
            return bad;
        }

        ulong version = request.Version == 0 ? region!.Descriptor.Epoch.Version : request.Version;
        return Propose(region!, version, identity, keys, write.Mutations, request, sink, Term.Zero);
    }

    private RegionError? Propose(
        RegionHandle region, ulong version, CommandIdentity identity, List<byte[]> keys,
            IReadOnlyList<Mutation> mutations,
        Request request, IResponseSink sink, Term requiredTerm)
    {
        if (LedElsewhere(region) is { } elsewhere)
        {
            return elsewhere;
        }

        if (!region.Descriptor.IsSystem && _log.SizeBytes > _options.LogBytesMax)
        {
            return Errors.LogFull(_log.SizeBytes, _options.LogBytesMax);
        }

        byte[] command = EntryCodec.EncodeWrite(identity, keys, mutations);
        if (!_credits.TryTake(region, command.Length))
        {
            return Errors.Busy("too many bytes of writes wait", 50);
        }

        var pending = new PendingWrite(request.Id, sink, region, version, command, DeadlineOf(request.TimeoutMs),
            _credits)
        {
            RequiredTerm = requiredTerm,
        };
        if (!_raft.TryPostWrite(pending))
        {
            pending.Fail(Errors.Busy("too many requests wait", 50));
        }

        return null;
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

    private RegionError? CheckKey(ReadOnlySpan<byte> key)
    {
        if (key.IsEmpty)
        {
            return Errors.Invalid("key", "the key is empty; a key has at least one byte");
        }

        return key.Length > _options.Limits.KeyBytesMax
            ? Errors.Invalid("key", $"the key has {key.Length} bytes, at most {_options.Limits.KeyBytesMax} are"
                + " allowed")
            : null;
    }

    private RegionError? CheckMutations(WriteCommand write, out List<byte[]> keys)
    {
        Limits limits = _options.Limits;
        keys = [];
        if (write.Mutations.Count == 0)
        {
            return Errors.Invalid("mutations", "the write holds no mutation");
        }

        if (write.Mutations.Count > limits.BatchCountMax)
        {
            return Errors.Invalid("mutations",
                $"the write holds {write.Mutations.Count} mutations, at most {limits.BatchCountMax} are allowed");
        }

        long bytes = 0;
        foreach (Mutation mutation in write.Mutations)
        {
            if (CheckKey(mutation.Key.Span) is { } wrong)
            {
                return wrong;
            }

            if (mutation.Kind is not (MutationKind.Put or MutationKind.Delete))
            {
                return Errors.Invalid("mutations", $"mutation kind {(int)mutation.Kind} is not known to this store");
            }

            if (mutation.Value.Length > limits.ValueBytesMax)
            {
                return Errors.Invalid("value",
                    $"the value has {mutation.Value.Length} bytes, at most {limits.ValueBytesMax} are allowed");
            }

            bytes += mutation.Key.Length + mutation.Value.Length;
            keys.Add(KeySpace.ToInternal(mutation.Key.Span));
        }

        return bytes > limits.BatchBytesMax
            ? Errors.Invalid("mutations", $"the write has {bytes} bytes, at most {limits.BatchBytesMax} are allowed")
            : null;
    }

    private RegionError? CheckIdentity(WriteIdentity? given, out CommandIdentity identity)
    {
        if (given is null)
        {
            identity = OwnIdentity();
            return null;
        }

        identity = default;
        if (given.Session.Length != SessionId.Bytes || given.Sequence == 0)
        {
            return Errors.Invalid("identity",
                $"a write's identity has a session of {SessionId.Bytes} bytes and a sequence from 1");
        }

        if (given.LowestUnacknowledged > given.Sequence)
        {
            return Errors.Invalid("identity", "the write's own sequence lies below its lowest unacknowledged sequence");
        }

        identity = new CommandIdentity(
            SessionId.Read(given.Session.Span), given.Sequence, given.Stamp, given.LowestUnacknowledged);
        return null;
    }

    private CommandIdentity OwnIdentity()
    {
        ulong sequence = (ulong)Interlocked.Increment(ref _ownSequence);
        return new CommandIdentity(_ownSession, sequence, _regionClock.Now(), sequence > 100_000 ? sequence - 100_000
            : 0);
    }

    private ReadRequest NewRead(
        Request request, RegionHandle region, IResponseSink sink, ReadMode mode, byte[]? key, ScanRequest? scan) =>
            new()
        {
            RequestId = request.Id,
            Sink = sink,
            Region = region,
            Version = request.Version,
            Deadline = DeadlineOf(request.TimeoutMs),
            AnyPeer = mode == ReadMode.ReadIndex,
            Key = key,
            Scan = scan,
        };

    private Instant DeadlineOf(uint timeoutMs) =>
        Instant.Now(_clock).PlusMs(timeoutMs == 0 ? _options.RequestTimeoutMs : Math.Min(timeoutMs, (
            uint)_options.RequestTimeoutMs));

    private enum LeaseGet : byte
    {
        Answered = 0,
        NoLease = 1,
        NeedsDisk = 2,
    }

    private sealed class NoSink : IResponseSink
    {
        public static readonly NoSink Instance = new();

        public void OnResponse(Response response)
        {
        }
    }
}
