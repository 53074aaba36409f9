using Kv.Protocol.Grpc.Health.V1;
using Kv.Rpc.Server;
using ServingStatus = Kv.Protocol.Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Kv.Rpc.Services;

/// <summary>
/// <c>grpc.health.v1.Health</c>. The empty name is the server as a whole, which starts as not serving. Safe for use by
/// several threads. A watcher that reads slowly skips to the newest status.
/// </summary>
public sealed class HealthService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ServingStatus> _statuses =
        new(StringComparer.Ordinal) { [""] = ServingStatus.NotServing };

    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sets the status of one service, by its full name; the empty name is the server as a whole.</summary>
    public void Set(string service, bool isServing)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _statuses[service] = isServing ? ServingStatus.Serving : ServingStatus.NotServing;
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }

    public GrpcServiceBinding Bind() => new GrpcService(HealthReflection.Descriptor.Services[0])
        .Unary<HealthCheckRequest, HealthCheckResponse>("Check", (request, _) => ValueTask.FromResult(Check(request)))
        .ServerStreaming<HealthCheckRequest, HealthCheckResponse>("Watch", WatchAsync)
        .Build();

    private HealthCheckResponse Check(HealthCheckRequest request) => Current(request.Service).Status is { } status
        ? new HealthCheckResponse { Status = status }
        : throw new RpcException(StatusCode.NotFound, "no such service");

    private async ValueTask WatchAsync(
        HealthCheckRequest request, MessageWriter<HealthCheckResponse> responses, GrpcCallContext context)
    {
        ServingStatus? sent = null;
        while (true)
        {
            (ServingStatus? known, Task changed) = Current(request.Service);
            ServingStatus status = known ?? ServingStatus.ServiceUnknown;
            if (status != sent)
            {
                await responses.WriteAsync(new HealthCheckResponse { Status = status }).ConfigureAwait(false);
                sent = status;
            }

            await changed.WaitAsync(context.CancellationToken).ConfigureAwait(false);
        }
    }

    private (ServingStatus? Status, Task Changed) Current(string service)
    {
        lock (_lock)
        {
            return (_statuses.TryGetValue(service, out ServingStatus status) ? status : null, _changed.Task);
        }
    }
}
