using Google.Protobuf;
using Kv.Base;
using Kv.Engine.Log;
using Kv.Engine.Memory;
using Kv.Protocol;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Testing.Files;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Store.Tests.Requests;

/// <summary>
/// A store alone in memory, with the system region and two user regions, [, m) and [m, ): its loops turn until nothing
/// moves.
/// </summary>
internal sealed class StoreRig : IDisposable
{
    public const ulong Left = 2;
    public const ulong Right = 3;
    public const ulong Version = 5;

    private readonly MemoryFileSystem _files = new();
    private readonly MemoryEngine _engine;
    private readonly SharedLog _log;
    private readonly RigClock _clock = new();

    public StoreRig(Limits? limits = null, int uncachedEvery = 0)
    {
        var disk = new MemoryEngineDisk(_files) { UncachedEvery = uncachedEvery };
        _engine = MemoryEngine.Open(disk);
        using (Engine.IEngineBatch batch = _engine.NewBatch())
        {
            StoreMeta.AddBirths(
                batch,
                [
                    Region(1, KeySpace.SystemStart, KeySpace.SystemEnd),
                    Region(Left, KeySpace.UserStart, KeySpace.ToInternal("m"u8)),
                    Region(Right, KeySpace.ToInternal("m"u8), KeySpace.UserEnd),
                ]);
            _engine.Write(batch, sync: true);
        }

        _log = SharedLog.Open(_files, "log", new SharedLogOptions { LogId = 1, SegmentBytes = 1 << 20 });
        Store = LocalStore.Open(new StoreContext
        {
            Cluster = new ClusterId(7),
            Self = new StoreInfo { Id = 1, Incarnation = 1, ClientAddress = "a:1", PeerAddress = "a:2" },
            Options = StoreOptions.Default with { Limits = limits ?? Limits.Default },
            Engine = _engine,
            Log = _log,
            Transport = new NoTransport(),
            Clock = _clock,
            Seed = 1,
            Logger = NullLogger.Instance,
        });
        for (int i = 0; i < 30; i++)
        {
            _clock.AdvanceMs(100);
            Run();
        }
    }

    public LocalStore Store { get; }

    public static ByteString Text(string text) => ByteString.CopyFromUtf8(text);

    /// <summary>The answer to one request; fails when there is none within a second of the rig's time.</summary>
    public Response Ask(Request request)
    {
        var sink = new Sink();
        Store.Door.Submit(request, sink);
        for (int i = 0; i < 20 && sink.Response is null; i++)
        {
            Run();
            _clock.AdvanceMs(50);
        }

        Assert.NotNull(sink.Response);
        return sink.Response;
    }

    public WriteResult Write(params Mutation[] mutations)
    {
        Response response = Ask(WriteRequest(mutations));
        Assert.True(response.Write is not null, $"{response.Error}");
        return response.Write;
    }

    public RegionError Refused(params Mutation[] mutations) => Refused(WriteRequest(mutations));

    public RegionError Refused(Request request)
    {
        Response response = Ask(request);
        Assert.True(response.Error is not null, $"{response}");
        return response.Error;
    }

    public string? Get(string key)
    {
        GetResult result = Ask(new Request { Get = new GetCommand { Key = Text(key) } }).Get;
        return result.Found ? result.Value.ToStringUtf8() : null;
    }

    public StoreStatus Status()
    {
        StoreStatus? status = null;
        Store.Describe(now => status = now);
        Run();
        return status!;
    }

    public static Request WriteRequest(params Mutation[] mutations)
    {
        var request = new Request { Write = new WriteCommand() };
        request.Write.Mutations.AddRange(mutations);
        return request;
    }

    public void Dispose()
    {
        Store.Dispose();
        _log.Dispose();
        _engine.Dispose();
    }

    private static RegionDescriptor Region(ulong id, byte[] start, byte[] end) => new(
        new RegionId(id),
        start,
        end,
        new Kv.Protocol.RegionEpoch(1, Version),
        [new PeerDescriptor(new PeerId(id * 10), new StoreId(1), PeerRole.Voter)]);

    private void Run()
    {
        bool any = true;
        while (any)
        {
            any = false;
            foreach (Pump pump in Store.Pumps)
            {
                any |= pump.RunOnce();
            }
        }
    }

    private sealed class Sink : IResponseSink
    {
        public Response? Response { get; private set; }

        public void OnResponse(Response response)
        {
            Assert.Null(Response);
            Response = response;
        }
    }

    private sealed class NoTransport : ITransport
    {
        public bool TrySend(StoreId to, Lane lane, StoreEnvelope envelope) => false;

        public void SetStore(StoreInfo store)
        {
        }
    }

    private sealed class RigClock : TimeProvider
    {
        private long _ms = 1_000;

        public override long TimestampFrequency => 1_000_000_000;

        public void AdvanceMs(long ms) => _ms += ms;

        public override long GetTimestamp() => _ms * 1_000_000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddDays(20_000).AddMilliseconds(_ms);
    }
}
