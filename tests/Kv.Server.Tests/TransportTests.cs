using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Client;
using Kv.Rpc.Server;
using Kv.Server.Peer;
using Kv.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Server.Tests;

public class TransportTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Envelopes_Arrive_PerLane_InOrder_WithSenderAndIncarnation()
    {
        await using var peer = await Receiver.StartAsync(port: 0);
        await using var transport = new GrpcTransport(Identity(1, incarnation: 7), NullLogger.Instance);
        Assert.False(transport.TrySend(new StoreId(2), Lane.Control, Envelope(0)));
        transport.SetStore(peer.Info);
        foreach (Lane lane in Enum.GetValues<Lane>())
        {
            for (ulong i = 1; i <= 50; i++)
            {
                Assert.True(transport.TrySend(new StoreId(2), lane, Envelope(((ulong)lane * 1_000) + i)));
            }
        }

        var last = new Dictionary<ulong, ulong>();
        for (int i = 0; i < 150; i++)
        {
            (StoreId from, Incarnation incarnation, ulong number) = await peer.TakeAsync();
            Assert.Equal((1UL, 7UL), (from.Value, incarnation.Value));
            ulong lane = number / 1_000;
            Assert.Equal(last.GetValueOrDefault(lane, lane * 1_000) + 1, number);
            last[lane] = number;
        }
    }

    [Fact]
    public async Task PeerThatComesBack_IsReachedAgain_WithoutBeingAsked()
    {
        Receiver peer = await Receiver.StartAsync(port: 0);
        await using var transport = new GrpcTransport(Identity(1, incarnation: 1), NullLogger.Instance);
        transport.SetStore(peer.Info);
        transport.TrySend(new StoreId(2), Lane.Control, Envelope(1));
        await peer.TakeAsync();
        int port = peer.Port;
        await peer.DisposeAsync();
        await using Receiver again = await Receiver.StartAsync(port);
        for (ulong i = 2; again.Taken.IsEmpty; i++)
        {
            Assert.True(i < 1_000, "the peer was not reached again");
            transport.TrySend(new StoreId(2), Lane.Control, Envelope(i));
            await Task.Delay(20, Token);
        }
    }

    [Fact]
    public async Task PeerThatIsDown_CostsABoundedQueue_NotMemoryOrTime()
    {
        string address = TestPorts.Addresses(1)[0];
        await using var transport = new GrpcTransport(Identity(1, incarnation: 1), NullLogger.Instance);
        transport.SetStore(new StoreInfo { Id = 2, PeerAddress = address });
        var large = new StoreEnvelope();
        large.Messages.Add(new RaftMessage());
        large.Messages[0].Entries.Add(
            new RaftEntry { Data = Google.Protobuf.ByteString.CopyFrom(new byte[1024 * 1024]) });
        int taken = 0;
        for (int i = 0; i < 500; i++)
        {
            taken += transport.TrySend(new StoreId(2), Lane.Append, large) ? 1 : 0;
        }

        Assert.InRange(taken, 1, 400);
    }

    [Fact]
    public async Task WrongHello_IsRefusedByName()
    {
        await using var peer = await Receiver.StartAsync(port: 0);
        Assert.Equal(
            "store 2 of cluster 0000000000000005 was called by store 1 of cluster 0000000000000006",
            await RefusalAsync(peer, static hello => hello.ClusterId = 6));
        Assert.Equal(
            "store 2 of cluster 0000000000000005 was called as store 3",
            await RefusalAsync(peer, static hello => hello.ToStoreId = 3));
        Assert.Equal(
            "store 2 of cluster 0000000000000005 speaks protocol 1, store 1 speaks 9",
            await RefusalAsync(peer, static hello => hello.ProtocolVersion = 9));
        Assert.Contains("names itself 2", await RefusalAsync(peer, static h => h.FromStoreId = 2),
            StringComparison.Ordinal);
        Assert.Contains("no lane 7", await RefusalAsync(peer, static h => h.Lane = (Lane)7), StringComparison.Ordinal);
        Assert.Empty(peer.Taken);
    }

    [Fact]
    public async Task NewerIncarnation_ReplacesTheOlder_AndTheOlderIsRefused()
    {
        await using var peer = await Receiver.StartAsync(port: 0);
        using var channel = new GrpcChannel(new Uri($"http://{peer.Info.PeerAddress}"));
        using GrpcDuplexCall<StoreEnvelope, Welcome> old = await OpenAsync(channel, Identity(1, incarnation: 4));
        using GrpcDuplexCall<StoreEnvelope, Welcome> fresh = await OpenAsync(channel, Identity(1, incarnation: 5));
        RpcException ended = await Assert.ThrowsAsync<RpcException>(async () => await old.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.Aborted, ended.StatusCode);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () =>
            (await OpenAsync(channel, Identity(1, incarnation: 4))).Dispose());
        Assert.Equal((StatusCode.FailedPrecondition, "store 1 is known here in incarnation 5, not 4"),
            (refused.StatusCode, refused.Detail));
        await fresh.Requests.WriteAsync(Envelope(1), Token);
        Assert.Equal(5UL, (await peer.TakeAsync()).Incarnation.Value);
    }

    [Fact]
    public async Task StoreThatIsNotOpen_AsksToComeAgain_AndTellsWhoCalled()
    {
        await using var peer = await Receiver.StartAsync(port: 0, open: false);
        using var channel = new GrpcChannel(new Uri($"http://{peer.Info.PeerAddress}"));
        RpcException closed = await Assert.ThrowsAsync<RpcException>(async () =>
            (await OpenAsync(channel, Identity(1, incarnation: 4))).Dispose());
        Assert.Equal(StatusCode.Unavailable, closed.StatusCode);
        Assert.Equal(2UL, Assert.Single(peer.Strangers).ToStoreId);
    }

    private static StoreIdentity Identity(ulong store, ulong incarnation) => new(
        new ClusterId(5),
        new StoreInfo { Id = store, Incarnation = incarnation, PeerAddress = "127.0.0.1:1" });

    private static StoreEnvelope Envelope(ulong number) =>
        new() { Heartbeat = new StoreHeartbeat { WallTime = number } };

    private static async Task<GrpcDuplexCall<StoreEnvelope,
        Welcome>> OpenAsync(GrpcChannel channel, StoreIdentity identity)
    {
        GrpcDuplexCall<StoreEnvelope, Welcome> call =
            await channel.OpenDuplexAsync(PeerMethods.Exchange, cancellationToken: Token);
        await call.Requests.WriteAsync(
            new StoreEnvelope { Hello = identity.Hello(new StoreId(2), Lane.Control) }, Token);
        Assert.NotNull(await call.Responses.ReadAsync(Token));
        return call;
    }

    private static async Task<string> RefusalAsync(Receiver peer, Action<Hello> change)
    {
        using var channel = new GrpcChannel(new Uri($"http://{peer.Info.PeerAddress}"));
        using GrpcDuplexCall<StoreEnvelope, Welcome> call =
            await channel.OpenDuplexAsync(PeerMethods.Exchange, cancellationToken: Token);
        Hello hello = Identity(1, incarnation: 1).Hello(new StoreId(2), Lane.Control);
        change(hello);
        await call.Requests.WriteAsync(new StoreEnvelope { Hello = hello }, Token);
        RpcException refused =
            await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        return refused.Detail;
    }

    private sealed class Receiver : IEnvelopeReceiver, IAsyncDisposable
    {
        private GrpcServer? _server;

        public ConcurrentQueue<(StoreId From, Incarnation Incarnation, ulong Number)> Taken { get; } = new();

        public ConcurrentBag<Hello> Strangers { get; } = [];

        public int Port { get; private set; }

        public StoreInfo Info => new()
        {
            Id = 2,
            PeerAddress = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}"),
            Incarnation = 1,
        };

        public static async Task<Receiver> StartAsync(int port, bool open = true)
        {
            var receiver = new Receiver();
            var service = new ExchangeService(receiver.Strangers.Add, NullLogger.Instance);
            if (open)
            {
                service.Open(Identity(2, incarnation: 1), receiver);
            }

            var listen =
                new GrpcPort { EndPoint = new IPEndPoint(IPAddress.Loopback, port), Services = [service.Bind()] };
            receiver._server = await GrpcServer.StartAsync([listen], cancellationToken: Token);
            receiver.Port = listen.BoundEndPoint.Port;
            return receiver;
        }

        public bool OnEnvelope(StoreId from, Incarnation incarnation, StoreEnvelope envelope)
        {
            Taken.Enqueue((from, incarnation, envelope.Heartbeat?.WallTime ?? 0));
            return true;
        }

        public async Task<(StoreId From, Incarnation Incarnation, ulong Number)> TakeAsync()
        {
            for (int tries = 0; tries < 2_000; tries++)
            {
                if (Taken.TryDequeue(out (StoreId, Incarnation, ulong) item))
                {
                    return item;
                }

                await Task.Delay(5, Token);
            }

            throw new TimeoutException("no envelope arrived");
        }

        public async ValueTask DisposeAsync()
        {
            if (_server is not null)
            {
                await _server.DisposeAsync();
            }
        }
    }
}
