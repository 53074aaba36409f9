using System.Net;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Server;

namespace Kv.Client.Tests;

/// <summary>
/// The kv.v1 service of one store on a free loopback port, over a map that all stores of the test share. It answers for
/// the regions it leads and names the leader of others.
/// </summary>
internal sealed class LoopbackStore : IAsyncDisposable
{
    private readonly GrpcServer _listener;
    private readonly LoopbackCluster _cluster;

    private LoopbackStore(ulong id, LoopbackCluster cluster, GrpcServer listener)
    {
        Id = id;
        _cluster = cluster;
        _listener = listener;
    }

    public ulong Id { get; }

    public string Address => _listener.Ports[0].BoundEndPoint.ToString();

    public static async Task<LoopbackStore> StartAsync(ulong id, LoopbackCluster cluster)
    {
        LoopbackStore? store = null;
        GrpcPort port = new()
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Services =
            [
                new GrpcService(KvReflection.Descriptor.Services[0])
                    .Unary<GetRequest, GetResponse>("Get", (_, _) => throw Missing())
                    .Unary<MultiGetRequest, MultiGetResponse>("MultiGet", (_, _) => throw Missing())
                    .Unary<PutRequest, WriteResponse>("Put", (_, _) => throw Missing())
                    .Unary<DeleteRequest, WriteResponse>("Delete", (_, _) => throw Missing())
                    .Unary<WriteRequest, WriteResponse>("Write", (_, _) => throw Missing())
                    .Unary<ScanRequest, ScanResponse>("Scan", (_, _) => throw Missing())
                    .Unary<RoutesRequest, RoutesResponse>("Routes", (_, _) => throw Missing())
                    .ServerStreaming<RoutesRequest, RoutesResponse>("WatchRoutes", (_, _, _) => throw Missing())
                    .Duplex<PipelineRequest, PipelineResponse>(
                        "Pipeline", (requests, responses, _) => store!.PipelineAsync(requests, responses))
                    .Build(),
            ],
        };
        GrpcServer listener = await GrpcServer.StartAsync(
            [port], cancellationToken: TestContext.Current.CancellationToken);
        store = new LoopbackStore(id, cluster, listener);
        cluster.Add(store);
        return store;
    }

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async ValueTask PipelineAsync(
        MessageReader<PipelineRequest> requests, MessageWriter<PipelineResponse> responses)
    {
        while (await requests.ReadAsync() is { } message)
        {
            _cluster.OnMessage(message.Requests.Count);
            var answer = new PipelineResponse();
            foreach (Request request in message.Requests)
            {
                if (_cluster.Answer(Id, request) is { } response)
                {
                    answer.Responses.Add(response);
                }
            }

            if (answer.Responses.Count > 0)
            {
                await responses.WriteAsync(answer);
            }
        }
    }

    private static RpcException Missing() => new(StatusCode.Unimplemented, "only the pipeline is here");
}
