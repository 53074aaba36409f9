using System.Net;
using Google.Protobuf;
using Kv.Protocol;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Client;
using Kv.Rpc.Server;
using Kv.Server.Client;
using Kv.Server.Options;
using Kv.Store;

namespace Kv.Server.Tests;

public sealed class KvServiceTests : IAsyncLifetime
{
    private static readonly Google.Protobuf.Reflection.ServiceDescriptor Service = KvReflection.Descriptor.Services[0];
    private static readonly GrpcMethod<GetRequest, GetResponse> Get = new(Service, "Get");
    private static readonly GrpcMethod<MultiGetRequest, MultiGetResponse> MultiGet = new(Service, "MultiGet");
    private static readonly GrpcMethod<PutRequest, WriteResponse> Put = new(Service, "Put");
    private static readonly GrpcMethod<WriteRequest, WriteResponse> Write = new(Service, "Write");
    private static readonly GrpcMethod<ScanRequest, ScanResponse> Scan = new(Service, "Scan");
    private static readonly GrpcMethod<RoutesRequest, RoutesResponse> Routes = new(Service, "Routes");
    private static readonly GrpcMethod<RoutesRequest, RoutesResponse> WatchRoutes = new(Service, "WatchRoutes");
    private static readonly GrpcMethod<PipelineRequest, PipelineResponse> Pipeline = new(Service, "Pipeline");

    private readonly FakeDoor _door = new();
    private readonly DoorSwitch _switch = new();
    private GrpcServer? _server;
    private GrpcChannel? _channel;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _switch.Open(_door);
        var options = new ServerOptions
        {
            PipelineInFlightMax = 1_000,
            PipelineWaitingBytesMax = 32 * 1024 * 1024,
            Store = StoreOptions.Default with { Limits = Limits.Default with { PipelineCountMax = 500 } },
        };
        var service = new KvService(_switch, options, static () => null);
        var port = new GrpcPort { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), Services = [service.Bind()] };
        _server = await GrpcServer.StartAsync([port], cancellationToken: Token);
        _channel = new GrpcChannel(
            new Uri($"http://{port.BoundEndPoint}"),
            new GrpcChannelOptions { ReceiveMessageBytesMax = 16 * 1024 * 1024, StreamWindowBytes = 64 * 1024 });
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    [Fact]
    public async Task UnaryCalls_AreRequestsOfTheDoor_WithContextAndTime()
    {
        var context = new RegionContext { RegionId = 9, Version = 4 };
        GetResponse got = await _channel!.CallUnaryAsync(
            Get,
            new GetRequest { Context = context, Key = Bytes("k") },
            new CallOptions { Timeout = TimeSpan.FromSeconds(30) },
            Token);
        Assert.Equal(("k", 3UL, 77UL), (got.Value.ToStringUtf8(), got.Revision, got.RegionTime));
        Assert.True(_door.Seen.TryDequeue(out Request? seen));
        Assert.Equal((9UL, 4UL), (seen.RegionId, seen.Version));
        Assert.InRange(seen.TimeoutMs, 1u, 30_000u);
        var identity = new WriteIdentity { Sequence = 8 };
        await _channel.CallUnaryAsync(
            Put, new PutRequest { Key = Bytes("k"), Value = Bytes("v"), Identity = identity },
                cancellationToken: Token);
        Assert.True(_door.Seen.TryDequeue(out seen));
        Assert.Equal((0u, identity), (seen.TimeoutMs, seen.Write.Identity));
        var write = new WriteRequest();
        write.Mutations.Add(new Mutation { Kind = MutationKind.Delete, Key = Bytes("a") });
        write.Mutations.Add(new Mutation { Kind = MutationKind.Put, Key = Bytes("b") });
        Assert.Equal(2UL, (await _channel.CallUnaryAsync(Write, write, cancellationToken: Token)).Revision);
        ScanResponse page = await _channel.CallUnaryAsync(
            Scan, new ScanRequest { StartKey = Bytes("s") }, cancellationToken: Token);
        Assert.Equal((true, "s", 77UL), (page.More, page.NextKey.ToStringUtf8(), page.RegionTime));
        Assert.Equal(5UL,
            (await _channel.CallUnaryAsync(Routes, new RoutesRequest(), cancellationToken: Token)).ClusterId);
    }

    [Fact]
    public async Task MultiGetAndExists_AreRequestsOfTheDoor()
    {
        var asked = new MultiGetRequest { Context = new RegionContext { RegionId = 9, Version = 4 } };
        asked.Keys.AddRange([Bytes("b"), Bytes("a")]);

        MultiGetResponse got = await _channel!.CallUnaryAsync(MultiGet, asked, cancellationToken: Token);
        GetResponse exists = await _channel.CallUnaryAsync(
            Get, new GetRequest { Key = Bytes("k"), ExistsOnly = true }, cancellationToken: Token);

        Assert.Equal(["b", "a"], got.Results.Select(result => result.Value.ToStringUtf8()));
        Assert.Equal(77UL, got.RegionTime);
        Assert.True(_door.Seen.TryDequeue(out Request? seen));
        Assert.Equal((9UL, 4UL), (seen.RegionId, seen.Version));
        Assert.Equal((true, true), (exists.Found, exists.Value.IsEmpty));
        _door.Special = static _ => Error("elsewhere", e => e.NotLeader = new NotLeader { RegionId = 6 });
        got = await _channel.CallUnaryAsync(MultiGet, asked, cancellationToken: Token);
        Assert.Equal(6UL, got.RegionError.NotLeader.RegionId);
    }

    [Fact]
    public async Task Write_WhoseConditionFailed_AnswersAllThatTheDoorDoes()
    {
        var told = new MutationResult { Index = 3, Failed = true, Found = true, Value = Bytes("x"), Revision = 2 };
        _door.Special = _ => new Response
        {
            RegionTime = 77,
            Write = new WriteResult
            {
                Revision = 8, Outcome = WriteOutcome.ConditionFailed, Results = { told }, ResultsDropped = true,
            },
        };
        var write = new WriteRequest { FirstIndex = 3, Mutations = { new Mutation { Key = Bytes("a") } } };

        WriteResponse answer = await _channel!.CallUnaryAsync(Write, write, cancellationToken: Token);

        Assert.Equal(
            new WriteResponse
            {
                Revision = 8,
                RegionTime = 77,
                Outcome = WriteOutcome.ConditionFailed,
                Results = { told },
                ResultsDropped = true,
            },
            answer);
        Assert.True(_door.Seen.TryDequeue(out Request? seen));
        Assert.Equal(3U, seen.Write.FirstIndex);
    }

    [Fact]
    public async Task WrongInput_IsInvalidArgument_AndWhatClientsRepairIsData()
    {
        _door.Special = static _ =>
            Error("the key is empty", e => e.InvalidRequest = new InvalidRequest { Field = "key" });
        RpcException wrong = await Assert.ThrowsAsync<RpcException>(async () =>
            await _channel!.CallUnaryAsync(Get, new GetRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.InvalidArgument, "the key is empty"), (wrong.StatusCode, wrong.Detail));
        _door.Special = static _ => Error("elsewhere", e => e.NotLeader = new NotLeader { RegionId = 6 });
        WriteResponse answer = await _channel!.CallUnaryAsync(Put, new PutRequest(), cancellationToken: Token);
        Assert.Equal(6UL, answer.RegionError.NotLeader.RegionId);
        _switch.Close("the store is stopping");
        GetResponse closed = await _channel.CallUnaryAsync(Get, new GetRequest(), cancellationToken: Token);
        Assert.NotNull(closed.RegionError.NotReady);
        Assert.Equal("the store is stopping", closed.RegionError.Message);
    }

    [Fact]
    public async Task WatchBeforeThereIsPlacement_IsAnsweredNotReady()
    {
        await foreach (RoutesResponse page in _channel!.CallServerStreamingAsync(
            WatchRoutes, new RoutesRequest(), cancellationToken: Token))
        {
            Assert.NotNull(page.RegionError.NotReady);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pipeline_AnswersEveryRequestOnce_WhateverTheOrder(bool threads)
    {
        const int Batches = 200;
        const int PerBatch = 100;
        _door.Threads = threads;
        using GrpcDuplexCall<PipelineRequest, PipelineResponse> call =
            await _channel!.OpenDuplexAsync(Pipeline, cancellationToken: Token);
        Task sending = Task.Run(
            async () =>
            {
                for (int batch = 0; batch < Batches; batch++)
                {
                    await call.Requests.WriteAsync(Batch((batch * PerBatch) + 1, PerBatch), Token);
                }

                await call.CompleteRequestsAsync(Token);
            },
            Token);
        var seen = new HashSet<ulong>();
        int messages = 0;
        while (await call.Responses.ReadAsync(Token) is { } message)
        {
            messages++;
            foreach (Response response in message.Responses)
            {
                Assert.True(seen.Add(response.Id), $"request {response.Id} answered twice");
                Assert.Equal($"{response.Id}", response.Get.Value.ToStringUtf8());
            }
        }

        await sending;
        Assert.Equal(Batches * PerBatch, seen.Count);
        Assert.True(messages < Batches * PerBatch, "answers share messages");
    }

    [Fact]
    public async Task Pipeline_OpenedOverAndOver_OnFreshConnections_IsAlwaysAnswered()
    {
        _door.Threads = true;
        for (int round = 0; round < 300; round++)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
            limit.CancelAfter(TimeSpan.FromSeconds(20));
            using var channel = new GrpcChannel(_channel!.Address);
            using GrpcDuplexCall<PipelineRequest, PipelineResponse> call =
                await channel.OpenDuplexAsync(Pipeline, cancellationToken: limit.Token);
            for (int id = 1; id <= 3; id++)
            {
                await call.Requests.WriteAsync(Batch(id, 1), limit.Token);
                PipelineResponse? answer = await call.Responses.ReadAsync(limit.Token);
                Assert.Equal((ulong)id, Assert.Single(answer!.Responses).Id);
            }
        }
    }

    [Fact]
    public async Task Pipeline_ThatEndsItsRequests_StillGetsTheAnswersThatComeLater()
    {
        _door.Holds = true;
        using GrpcDuplexCall<PipelineRequest, PipelineResponse> call =
            await _channel!.OpenDuplexAsync(Pipeline, cancellationToken: Token);
        await call.Requests.WriteAsync(Batch(1, 3), Token);
        await call.CompleteRequestsAsync(Token);
        for (int i = 0; i < 3; i++)
        {
            (Request request, IResponseSink sink) = await HeldAsync();
            sink.OnResponse(_door.Answer(request));
        }

        int answers = 0;
        while (await call.Responses.ReadAsync(Token) is { } message)
        {
            answers += message.Responses.Count;
        }

        Assert.Equal(3, answers);
    }

    [Fact]
    public async Task Pipeline_ReadsNoFurther_WhenTooManyRequestsAreUnderWay()
    {
        _door.Holds = true;
        using GrpcDuplexCall<PipelineRequest, PipelineResponse> call =
            await _channel!.OpenDuplexAsync(Pipeline, cancellationToken: Token);
        for (int batch = 0; batch < 6; batch++)
        {
            await call.Requests.WriteAsync(Batch((batch * 400) + 1, 400), Token);
        }

        var held = new List<(Request Request, IResponseSink Sink)>();
        while (held.Count < 999)
        {
            held.Add(await HeldAsync());
        }

        await Task.Delay(200, Token);
        Assert.True(held.Count + _door.Held.Count <= 1_000, $"{held.Count + _door.Held.Count} requests were let in");
        Task<int> reading = Task.Run(
            async () =>
            {
                int answers = 0;
                while (answers < 2_400 && await call.Responses.ReadAsync(Token) is { } message)
                {
                    answers += message.Responses.Count;
                }

                return answers;
            },
            Token);
        int given = 0;
        while (given < 2_400)
        {
            (Request request, IResponseSink sink) = given < held.Count ? held[given] : await HeldAsync();
            sink.OnResponse(_door.Answer(request));
            given++;
        }

        Assert.Equal(2_400, await reading);
    }

    [Fact]
    public async Task Pipeline_WithTooManyRequestsInOneMessage_IsInvalidArgument()
    {
        using GrpcDuplexCall<PipelineRequest, PipelineResponse> call =
            await _channel!.OpenDuplexAsync(Pipeline, cancellationToken: Token);
        await call.Requests.WriteAsync(Batch(1, 501), Token);
        RpcException wrong = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.ReadAsync(Token));
        Assert.Equal(StatusCode.InvalidArgument, wrong.StatusCode);
        Assert.Contains("501 requests, at most 500", wrong.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClientThatDoesNotRead_IsCutOff_AndOthersAreServed()
    {
        _door.Holds = true;
        using GrpcDuplexCall<PipelineRequest, PipelineResponse> slow =
            await _channel!.OpenDuplexAsync(Pipeline, cancellationToken: Token);
        await slow.Requests.WriteAsync(Batch(1, 100), Token);
        var held = new List<(Request Request, IResponseSink Sink)>();
        while (held.Count < 100)
        {
            held.Add(await HeldAsync());
        }

        // 100 answers of 1 MiB, far above what may wait, while nobody reads.
        _door.ValueBytes = 1024 * 1024;
        foreach ((Request request, IResponseSink sink) in held)
        {
            sink.OnResponse(_door.Answer(request));
        }

        _door.Holds = false;
        _door.ValueBytes = 0;
        using var other = new GrpcChannel(_channel.Address);
        GetResponse got =
            await other.CallUnaryAsync(Get, new GetRequest { Key = Bytes("x") }, cancellationToken: Token);
        Assert.Equal("x", got.Value.ToStringUtf8());
        RpcException cut = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await slow.Responses.ReadAsync(Token) is not null)
            {
            }
        });
        Assert.NotEqual(StatusCode.DeadlineExceeded, cut.StatusCode);
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    private static Response Error(string message, Action<RegionError> kind)
    {
        var error = new RegionError { Message = message };
        kind(error);
        return new Response { Error = error };
    }

    private static PipelineRequest Batch(int firstId, int count)
    {
        var batch = new PipelineRequest();
        for (int id = firstId; id < firstId + count; id++)
        {
            batch.Requests.Add(new Request { Id = (ulong)id, Get = new GetCommand { Key = Bytes($"{id}") } });
        }

        return batch;
    }

    private async Task<(Request Request, IResponseSink Sink)> HeldAsync()
    {
        for (int tries = 0; tries < 2_000; tries++)
        {
            if (_door.Held.TryDequeue(out (Request, IResponseSink) item))
            {
                return item;
            }

            await Task.Delay(5, Token);
        }

        throw new TimeoutException("no request reached the door");
    }
}
