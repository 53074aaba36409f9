using Kv.Protocol.V1;
using Kv.Store;

namespace Kv.Server.Client;

/// <summary>Waits for the one response of one request; continuations never run on a store's loop.</summary>
internal sealed class ResponseWait : IResponseSink
{
    private readonly TaskCompletionSource<Response> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<Response> Response => _source.Task;

    public void OnResponse(Response response) => _source.TrySetResult(response);
}
