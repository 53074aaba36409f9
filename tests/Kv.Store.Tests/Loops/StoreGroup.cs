using Google.Protobuf;
using Kv.Base;
using Kv.Engine.Log;
using Kv.Engine.Memory;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Testing.Files;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Store.Tests.Loops;

/// <summary>
/// Stores as they ship, with memory for disks, in one thread and by hand: time moves when the test says so, a loop
/// turns only when it was woken or is due, any loop can be held back, and messages wait on a wire.
/// </summary>
internal sealed class StoreGroup : IDisposable
{
    private readonly SortedDictionary<ulong, TestStore> _stores = [];
    private readonly HashSet<(ulong From, ulong To)> _cuts = [];
    private readonly ManualClock _clock = new();
    private readonly StoreOptions _options;
    private ulong _requestId;

    public StoreGroup(int stores, int regions = 1, Func<StoreOptions, StoreOptions>? configure = null)
    {
        _options = (configure ?? (options => options))(StoreOptions.Default);
        Regions =
        [
            .. Enumerable.Range(0, regions).Select(i => new RegionDescriptor(
                new RegionId((ulong)i + 2),
                i == 0 ? KeySpace.UserStart : KeySpace.ToInternal([(byte)('a' + i)]),
                i == regions - 1 ? KeySpace.UserEnd : KeySpace.ToInternal([(byte)('a' + i + 1)]),
                Kv.Protocol.RegionEpoch.First,
                [
                    .. Enumerable.Range(1, stores).Select(s => new PeerDescriptor(
                        PeerOf((ulong)i + 2, (ulong)s), new StoreId((ulong)s), PeerRole.Voter)),
                ])),
        ];
        for (ulong id = 1; id <= (ulong)stores; id++)
        {
            var store = new TestStore(this, id);
            _stores.Add(id, store);
            store.Found();
        }

        foreach (TestStore store in _stores.Values)
        {
            store.Start();
        }
    }

    public IReadOnlyList<RegionDescriptor> Regions { get; }

    public Instant Now => Instant.Now(_clock);

    public List<(ulong From, ulong To, StoreEnvelope Envelope)> Wire { get; } = [];

    /// <summary>Every raft message that ever left a store.</summary>
    public List<RaftMessage> Sent { get; } = [];

    public TestStore this[ulong id] => _stores[id];

    public static PeerId PeerOf(ulong region, ulong store) => new((region * 10) + store);

    public void Dispose()
    {
        foreach (TestStore store in _stores.Values)
        {
            store.Crash(new DeterministicRandom(1));
        }
    }

    public void Isolate(ulong id)
    {
        foreach (ulong other in _stores.Keys.Where(other => other != id))
        {
            _cuts.Add((id, other));
            _cuts.Add((other, id));
        }
    }

    public void Heal() => _cuts.Clear();

    /// <summary>Everything that can happen without time passing.</summary>
    public void Settle()
    {
        for (int round = 0; round < 100_000; round++)
        {
            bool turned = false;
            foreach (TestStore store in _stores.Values)
            {
                turned |= store.TurnWoken(Now);
            }

            foreach ((ulong from, ulong to, StoreEnvelope envelope) in Wire.ToArray())
            {
                Deliver(from, to, envelope);
            }

            turned |= Wire.Count > 0;
            Wire.Clear();
            if (!turned)
            {
                return;
            }
        }

        Assert.Fail("the stores do not come to rest");
    }

    public void Deliver(ulong from, ulong to, StoreEnvelope envelope)
    {
        if (!_cuts.Contains((from, to)))
        {
            _stores[to].Store?.OnEnvelope(new StoreId(from), new Incarnation(_stores[from].Incarnation), envelope);
        }
    }

    /// <summary>Time passes in small steps, and what is due happens.</summary>
    public void Pass(int ms)
    {
        for (int i = 0; i < ms; i += 10)
        {
            _clock.AdvanceMs(10);
            Settle();
        }
    }

    /// <summary>Until a store answers a write of region 2; its id.</summary>
    public ulong AwaitLeader()
    {
        for (int i = 0; i < 200; i++)
        {
            foreach (TestStore store in _stores.Values.Where(s => s.Store is not null))
            {
                if (store.IsLeader)
                {
                    return store.Id;
                }
            }

            Pass(50);
        }

        throw new InvalidOperationException("no leader");
    }

    public Answer Put(ulong store, string key, string value)
    {
        var request = new Request { Id = ++_requestId, Write = new WriteCommand() };
        request.Write.Mutations.Add(new Mutation
        {
            Key = ByteString.CopyFromUtf8(key),
            Value = ByteString.CopyFromUtf8(value),
        });
        return Submit(store, request);
    }

    public Answer Get(ulong store, string key, ReadMode mode = ReadMode.Lease) => Submit(store, new Request
    {
        Id = ++_requestId,
        Get = new GetCommand { Key = ByteString.CopyFromUtf8(key), Mode = mode },
    });

    private Answer Submit(ulong store, Request request)
    {
        var answer = new Answer();
        RegionDescriptor region = Regions.Last(r => r.Contains(KeySpace.ToInternal(
            (request.Get?.Key ?? request.Write.Mutations[0].Key).Span)));
        request.RegionId = region.Id.Value;
        request.Version = region.Epoch.Version;
        _stores[store].Store!.Door.Submit(request, answer);
        return answer;
    }

    public sealed class Answer : IResponseSink
    {
        public Response? Response { get; private set; }

        public bool IsOpen => Response is null;

        public RegionError? Error => Response?.Error;

        public ulong Revision => Response?.Write?.Revision ?? 0;

        /// <summary>The value read; null when the key was not found.</summary>
        public string? Value => Response?.Get is { Found: true } found ? found.Value.ToStringUtf8() : null;

        public void OnResponse(Response response)
        {
            Assert.True(Response is null, "answered twice");
            Response = Response.Parser.ParseFrom(response.ToByteArray());
        }
    }

    internal sealed class TestStore(StoreGroup group, ulong id) : ITransport
    {
        private readonly MemoryFileSystem _files = new();
        private readonly MemoryEngineDisk _engineDisk = new(new MemoryFileSystem());
        private readonly List<Driven> _loops = [];
        private MemoryEngine? _engine;

        public ulong Id => id;

        public ulong Incarnation { get; private set; }

        public LocalStore? Store { get; private set; }

        public MemoryFileSystem Files => _files;

        public MemoryEngine Engine => _engine!;

        public SharedLog? Log { get; private set; }

        /// <summary>What a loop died of.</summary>
        public Exception? Failure { get; private set; }

        /// <summary>Loops that do not turn, by name.</summary>
        public HashSet<string> Held { get; } = [];

        /// <summary>Leads region 2, has applied an entry of its term, and holds a lease.</summary>
        public bool IsLeader => Show().LeaseMsLeft > 0;

        /// <summary>One region in the raft loop's own words.</summary>
        public RegionShowResponse Show(ulong region = 2)
        {
            RegionShowResponse? shown = null;
            Store!.DescribeRegion(new RegionId(region), response => shown = response);
            _loops[0].Pump.RunOnce();
            return shown!;
        }

        public void Found()
        {
            using MemoryEngine engine = MemoryEngine.Open(_engineDisk);
            using Kv.Engine.IEngineBatch batch = engine.NewBatch();
            StoreMeta.AddBirths(batch, group.Regions);
            engine.Write(batch, sync: true);
        }

        public void Start()
        {
            Incarnation++;
            Failure = null;
            _engine = MemoryEngine.Open(_engineDisk);
            Log = SharedLog.Open(_files, "/log", new SharedLogOptions { LogId = id });
            Store = LocalStore.Open(new StoreContext
            {
                Cluster = new ClusterId(7),
                Self = new StoreInfo { Id = id, Incarnation = Incarnation },
                Options = group._options,
                Engine = _engine,
                Log = Log,
                Transport = this,
                Clock = group._clock,
                Seed = (id * 1_000) + Incarnation,
                Logger = NullLogger.Instance,
            });
            foreach (ulong other in group._stores.Keys)
            {
                Store.LearnStore(new StoreInfo { Id = other });
            }

            foreach (Pump pump in Store.Pumps)
            {
                _loops.Add(new Driven(pump));
            }
        }

        /// <summary>Power goes: of what was not synced nothing is kept in the log, a part in the engine.</summary>
        public void Crash(DeterministicRandom random)
        {
            _loops.Clear();
            Store = null;
            _files.CrashToDurable();
            _engineDisk.PowerCut(random);
            Held.Clear();
        }

        public bool TurnWoken(Instant now)
        {
            bool turned = false;
            foreach (Driven loop in _loops)
            {
                if (!Held.Contains(loop.Pump.Name))
                {
                    turned |= Turn(loop, now);
                }
            }

            return turned;
        }

        public bool TrySend(StoreId to, Lane lane, StoreEnvelope envelope)
        {
            StoreEnvelope copy = StoreEnvelope.Parser.ParseFrom(envelope.ToByteArray());
            group.Sent.AddRange(copy.Messages);
            group.Wire.Add((id, to.Value, copy));
            return true;
        }

        public void SetStore(StoreInfo store)
        {
            // Everybody is known here.
        }

        private bool Turn(Driven loop, Instant now)
        {
            try
            {
                return loop.TurnWoken(now);
            }
            catch (Exception e) when (e is not InvariantViolationException)
            {
                // As in a process: the loop that the disk failed turns no more.
                Failure = e;
                loop.IsDead = true;
                return false;
            }
        }
    }

    /// <summary>One loop, driven as in production: woken by mail or due by its own word, and not otherwise.</summary>
    private sealed class Driven
    {
        private bool _woken = true;

        public Driven(Pump pump)
        {
            Pump = pump;
            pump.SetWake(() => _woken = true);
        }

        public Pump Pump { get; }

        public bool IsDead { get; set; }

        public bool TurnWoken(Instant now)
        {
            if (IsDead || (!_woken && Pump.NextDue > now))
            {
                return false;
            }

            _woken = false;
            _woken |= Pump.RunOnce() && !Pump.Holds;
            return true;
        }
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _nanoseconds = 1_000_000_000_000;

        public override long TimestampFrequency => 1_000_000_000;

        public override long GetTimestamp() => _nanoseconds;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_nanoseconds / 100);

        public void AdvanceMs(long ms) => _nanoseconds += ms * 1_000_000;
    }
}
