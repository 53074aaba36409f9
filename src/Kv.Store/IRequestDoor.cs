using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>
/// Where requests enter a store. Safe from any thread, never blocks, never throws on anything a client can send. Keys
/// in requests and responses are the caller's own (Key law).
/// </summary>
public interface IRequestDoor
{
    /// <summary>
    /// Takes one request and answers it through <paramref name="sink"/> exactly once: maybe before this call returns
    /// (reads under lease), maybe later from one of the store's loops. The request must not be changed afterwards.
    /// </summary>
    void Submit(Request request, IResponseSink sink);
}

/// <summary>
/// Takes responses. Called from any thread, so it must be quick and must not throw; it hands over, it does not wait.
/// </summary>
public interface IResponseSink
{
    void OnResponse(Response response);
}
