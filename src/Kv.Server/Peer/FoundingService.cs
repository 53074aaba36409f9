using Kv.Placement;
using Kv.Placement.Driver;
using Kv.Placement.Founding;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Server;

namespace Kv.Server.Peer;

/// <summary>placement.v1.Founding on the peer port: adapters over the founding pump and placement.</summary>
internal sealed class FoundingService(FoundingPump founding, Func<PlacementDriver?> placement)
{
    public GrpcServiceBinding Bind() => new GrpcService(PlacementReflection.Descriptor.Services[0])
        .Unary<InitRequest, InitResponse>("Init", (request, context) =>
            CallAsync<InitResponse>(done => founding.Init(request, done), context))
        .Unary<InspectRequest, InspectResponse>("Inspect", (_, context) =>
            CallAsync<InspectResponse>(founding.OnInspect, context))
        .Unary<FoundingPlan, PrepareResponse>("Prepare", (plan, context) =>
            CallAsync<PrepareResponse>(done => founding.OnPrepare(plan, done), context))
        .Unary<CommitRequest, CommitResponse>("Commit", (request, context) =>
            CallAsync<CommitResponse>(done => founding.OnCommit(request, done), context))
        .Unary<OutcomeRequest, OutcomeResponse>("Outcome", (request, context) =>
            CallAsync<OutcomeResponse>(done => founding.OnOutcome(request, done), context))
        .Unary<JoinRequest, JoinResponse>("Join", JoinAsync)
        .Build();

    /// <summary>Waits for a founding call's reply and turns a no into a status.</summary>
    internal static async ValueTask<T> CallAsync<T>(Action<Action<FoundingReply<T>>> call, GrpcCallContext context)
        where T : class
    {
        var source = new TaskCompletionSource<FoundingReply<T>>(TaskCreationOptions.RunContinuationsAsynchronously);
        call(reply => source.TrySetResult(reply));
        FoundingReply<T> reply = await source.Task.WaitAsync(context.CancellationToken);
        return reply.Value
            ?? throw (reply.Refusal is not null
                ? new RpcException(StatusCode.FailedPrecondition, reply.Refusal)
                : new RpcException(StatusCode.Unavailable, reply.Failure ?? "no answer"));
    }

    private async ValueTask<JoinResponse> JoinAsync(JoinRequest request, GrpcCallContext context)
    {
        if (placement() is not { } driver)
        {
            throw new RpcException(StatusCode.Unavailable, "this store belongs to no cluster yet");
        }

        var source = new TaskCompletionSource<JoinAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        driver.Join(request, answer => source.TrySetResult(answer));
        JoinAnswer answer = await source.Task.WaitAsync(context.CancellationToken);
        return answer.Response
            ?? throw (answer.Refusal is not null
                ? new RpcException(StatusCode.FailedPrecondition, answer.Refusal)
                : new RpcException(StatusCode.Unavailable, answer.NotReady ?? "not ready"));
    }
}
