// Owns one pipeline stream per store address. Invariants: a message is either written to the stream, after which only
// an answer or the loss of the stream ends its doubt, or it is given back as not sent; both are told to the sink
// exactly once.
using System.Collections.Concurrent;
using Kv.Client.Core;
using Kv.Protocol.V1;
using Kv.Rpc;
using Microsoft.Extensions.Logging;

namespace Kv.Client.Hosting;

internal sealed class GrpcClientTransport : IClientTransport, IAsyncDisposable
{
    internal static readonly GrpcMethod<PipelineRequest, PipelineResponse> Pipeline =
        new(KvReflection.Descriptor.Services[0], "Pipeline");

    private readonly ConcurrentDictionary<string, StoreConnection> _connections = new(StringComparer.Ordinal);
    private readonly KvClientOptions _options;
    private readonly IClientTransportSink _sink;
    private readonly ILogger? _log;

    public GrpcClientTransport(KvClientOptions options, IClientTransportSink sink)
    {
        _options = options;
        _sink = sink;
        _log = options.LoggerFactory?.CreateLogger("Kv.Client");
    }

    public void Send(string address, PipelineRequest message)
    {
        if (!_connections.TryGetValue(address, out StoreConnection? connection))
        {
            // Only the pump sends, and it keeps a bounded number of addresses.
            connection = new StoreConnection(address, _options, _sink, _log);
            _connections[address] = connection;
        }

        connection.Send(message);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (StoreConnection connection in _connections.Values)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
