using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Kv.Rpc.Server;

/// <summary>One listening address and the services that answer on it. Services of different trust go on different
/// ports.</summary>
public sealed class GrpcPort
{
    private ListenOptions? _listen;

    /// <summary>Port 0 takes a free one; see <see cref="BoundEndPoint"/>.</summary>
    public required IPEndPoint EndPoint { get; init; }

    public required IReadOnlyList<GrpcServiceBinding> Services { get; init; }

    public GrpcPortOptions Options { get; init; } = new();

    /// <summary>Null is h2c: HTTP/2 in the clear, by prior knowledge.</summary>
    public GrpcPortTls? Tls { get; init; }

    /// <summary>The address in use, once Kestrel has started.</summary>
    public IPEndPoint BoundEndPoint => _listen?.IPEndPoint
        ?? throw new InvalidOperationException($"the port {EndPoint} is not listening yet");

    internal void Attach(ListenOptions listen) => _listen = listen;
}
