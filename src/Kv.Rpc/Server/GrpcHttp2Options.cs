namespace Kv.Rpc.Server;

/// <summary>HTTP/2 settings, shared by all ports of one Kestrel.</summary>
public sealed record GrpcHttp2Options
{
    /// <summary>What may be under way of one connection's requests without being read.</summary>
    public int ConnectionWindowBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>What may be under way of one call's requests without being read.</summary>
    public int StreamWindowBytes { get; init; } = 4 * 1024 * 1024;

    public int FrameBytesMax { get; init; } = 256 * 1024;

    /// <summary>Calls at once per connection; a client queues or opens another connection beyond it.</summary>
    public int StreamsPerConnectionMax { get; init; } = 1024;

    /// <summary>Connections at once over all ports; null is no limit.</summary>
    public int? ConnectionsMax { get; init; } = 20_000;

    /// <summary>What Kestrel buffers of one connection's responses before a writer waits.</summary>
    public int ResponseBufferBytesMax { get; init; } = 1024 * 1024;

    /// <summary>A connection silent for this long is pinged.</summary>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>A pinged connection that stays silent for this long is closed.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A connection without calls for this long is closed.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);
}
