// Owns kv.v1.Kv on the client port: thin adapters over the store's door. What a client did wrong is INVALID_ARGUMENT
// with one line; everything else a store can answer is data (region_error), because clients repair it.
using Kv.Placement.Driver;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Server;
using Kv.Server.Options;
using Kv.Store;

namespace Kv.Server.Client;

internal sealed class KvService(IRequestDoor door, ServerOptions options, Func<PlacementDriver?> placement)
{
    /// <summary>Pages of routes waiting for one watcher before it counts as too slow.</summary>
    private const int WatchPagesWaitingMax = 256;

    public GrpcServiceBinding Bind() => new GrpcService(KvReflection.Descriptor.Services[0])
        .Unary<GetRequest, GetResponse>("Get", GetAsync)
        .Unary<MultiGetRequest, MultiGetResponse>("MultiGet", MultiGetAsync)
        .Unary<PutRequest, WriteResponse>("Put", PutAsync)
        .Unary<DeleteRequest, WriteResponse>("Delete", DeleteAsync)
        .Unary<WriteRequest, WriteResponse>("Write", WriteAsync)
        .Unary<ScanRequest, ScanResponse>("Scan", ScanAsync)
        .Unary<RoutesRequest, RoutesResponse>("Routes", RoutesAsync)
        .ServerStreaming<RoutesRequest, RoutesResponse>("WatchRoutes", WatchRoutesAsync)
        .Duplex<PipelineRequest, PipelineResponse>("Pipeline", PipelineAsync)
        .Build();

    private async ValueTask<GetResponse> GetAsync(GetRequest call, GrpcCallContext context)
    {
        var request = new Request
        {
            Get = new GetCommand { Key = call.Key, Mode = call.Mode, ExistsOnly = call.ExistsOnly },
        };
        Response response = await SubmitAsync(request, call.Context, context);
        return response.ResultCase == Response.ResultOneofCase.Get
            ? new GetResponse
            {
                Found = response.Get.Found,
                Value = response.Get.Value,
                Revision = response.Get.Revision,
                RegionTime = response.RegionTime,
            }
            : new GetResponse { RegionError = response.Error, RegionTime = response.RegionTime };
    }

    private async ValueTask<MultiGetResponse> MultiGetAsync(MultiGetRequest call, GrpcCallContext context)
    {
        Response response = await SubmitAsync(new Request { MultiGet = call }, call.Context, context);
        if (response.ResultCase != Response.ResultOneofCase.MultiGet)
        {
            return new MultiGetResponse { RegionError = response.Error, RegionTime = response.RegionTime };
        }

        response.MultiGet.RegionTime = response.RegionTime;
        return response.MultiGet;
    }

    private ValueTask<WriteResponse> PutAsync(PutRequest call, GrpcCallContext context)
    {
        var mutation = new Mutation { Kind = MutationKind.Put, Key = call.Key, Value = call.Value };
        return SubmitWriteAsync([mutation], call.Identity, firstIndex: 0, call.Context, context);
    }

    private ValueTask<WriteResponse> DeleteAsync(DeleteRequest call, GrpcCallContext context)
    {
        var mutation = new Mutation { Kind = MutationKind.Delete, Key = call.Key };
        return SubmitWriteAsync([mutation], call.Identity, firstIndex: 0, call.Context, context);
    }

    private ValueTask<WriteResponse> WriteAsync(WriteRequest call, GrpcCallContext context) =>
        SubmitWriteAsync(call.Mutations, call.Identity, call.FirstIndex, call.Context, context);

    private async ValueTask<WriteResponse> SubmitWriteAsync(
        IEnumerable<Mutation> mutations,
        WriteIdentity? identity,
        uint firstIndex,
        RegionContext? region,
        GrpcCallContext context)
    {
        var request = new Request { Write = new WriteCommand { Identity = identity, FirstIndex = firstIndex } };
        request.Write.Mutations.AddRange(mutations);
        Response response = await SubmitAsync(request, region, context);
        if (response.ResultCase != Response.ResultOneofCase.Write)
        {
            return new WriteResponse { RegionError = response.Error, RegionTime = response.RegionTime };
        }

        WriteResult written = response.Write;
        var answer = new WriteResponse
        {
            Revision = written.Revision,
            RegionTime = response.RegionTime,
            Outcome = written.Outcome,
            ResultsDropped = written.ResultsDropped,
        };
        answer.Results.AddRange(written.Results);
        return answer;
    }

    private async ValueTask<ScanResponse> ScanAsync(ScanRequest call, GrpcCallContext context)
    {
        Response response = await SubmitAsync(new Request { Scan = call }, call.Context, context);
        if (response.ResultCase != Response.ResultOneofCase.Scan)
        {
            return new ScanResponse { RegionError = response.Error, RegionTime = response.RegionTime };
        }

        response.Scan.RegionTime = response.RegionTime;
        return response.Scan;
    }

    private async ValueTask<RoutesResponse> RoutesAsync(RoutesRequest call, GrpcCallContext context)
    {
        Response response = await SubmitAsync(new Request { Routes = call }, region: null, context);
        RoutesResponse routes = response.ResultCase == Response.ResultOneofCase.Routes
            ? response.Routes
            : new RoutesResponse { RegionError = response.Error };
        CheckInput(routes.RegionError);
        return routes;
    }

    private async ValueTask WatchRoutesAsync(
        RoutesRequest call, MessageWriter<RoutesResponse> writer, GrpcCallContext context)
    {
        if (placement() is not { } driver)
        {
            var error = new RegionError { Message = "the store is starting", NotReady = new NotReady() };
            await writer.WriteAsync(new RoutesResponse { RegionError = error }, context.CancellationToken);
            return;
        }

        var pages = System.Threading.Channels.Channel.CreateBounded<RoutesResponse>(WatchPagesWaitingMax);
        long watch = driver.Watch(call, page => pages.Writer.TryWrite(page) || !pages.Writer.TryComplete());
        try
        {
            await foreach (RoutesResponse page in pages.Reader.ReadAllAsync(context.CancellationToken))
            {
                CheckInput(page.RegionError);
                await writer.WriteAsync(page, context.CancellationToken);
                if (page.RegionError is not null)
                {
                    return;
                }
            }

            throw new RpcException(StatusCode.ResourceExhausted, "the watcher reads too slowly: watch again");
        }
        finally
        {
            driver.Unwatch(watch);
        }
    }

    private async ValueTask PipelineAsync(
        MessageReader<PipelineRequest> requests, MessageWriter<PipelineResponse> responses, GrpcCallContext context)
    {
        // Clients wait for the headers before they believe in the stream.
        await context.SendResponseHeadersAsync();
        using var stream = new PipelineStream(
            door,
            options.Store.Limits,
            options.PipelineInFlightMax,
            options.PipelineWaitingBytesMax,
            context);
        await stream.RunAsync(requests, responses);
    }

    private async ValueTask<Response> SubmitAsync(Request request, RegionContext? region, GrpcCallContext context)
    {
        request.RegionId = region?.RegionId ?? 0;
        request.Version = region?.Version ?? 0;
        if (context.Remaining is { } remaining)
        {
            request.TimeoutMs = (uint)Math.Clamp(remaining.TotalMilliseconds, 1, uint.MaxValue);
        }

        var wait = new ResponseWait();
        door.Submit(request, wait);
        Response response = await wait.Response.WaitAsync(context.CancellationToken);
        if (response.ResultCase == Response.ResultOneofCase.Error)
        {
            CheckInput(response.Error);
        }

        return response;
    }

    private static void CheckInput(RegionError? error)
    {
        if (error?.KindCase == RegionError.KindOneofCase.InvalidRequest)
        {
            throw new RpcException(StatusCode.InvalidArgument, error.Message);
        }
    }
}
