namespace Kv.Rpc.Client;

/// <summary>Limits, connection and TLS of a channel.</summary>
public sealed record GrpcChannelOptions
{
    /// <summary>Largest response message, before and after decompression; a larger one ends its call with
    /// RESOURCE_EXHAUSTED.</summary>
    public int ReceiveMessageBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Largest request message; a larger one fails with RESOURCE_EXHAUSTED and is not sent.</summary>
    public int SendMessageBytesMax { get; init; } = int.MaxValue;

    /// <summary>Largest set of response headers or trailers.</summary>
    public int MetadataBytesMax { get; init; } = 64 * 1024;

    /// <summary>How long a connection may take to come up, TLS included.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A connection with calls under way that is silent for this long is pinged.</summary>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A pinged connection that stays silent for this long is closed; its calls end with
    /// UNAVAILABLE.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A connection without calls for this long is closed; the next call opens a new one.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>What may be under way of one call's responses without being read; 64 KiB to 16 MiB.</summary>
    public int StreamWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Whether a second connection is opened when the server's limit of calls per connection is reached;
    /// otherwise calls queue.</summary>
    public bool MayOpenMoreConnections { get; init; }

    /// <summary>For https addresses; null is the system's defaults.</summary>
    public GrpcChannelTls? Tls { get; init; }

    /// <summary>Deadlines run on this clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
