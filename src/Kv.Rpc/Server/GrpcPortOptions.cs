namespace Kv.Rpc.Server;

/// <summary>Limits of the calls on one listening port.</summary>
public sealed record GrpcPortOptions
{
    /// <summary>Largest request message, before and after decompression; a larger one ends its call with
    /// RESOURCE_EXHAUSTED.</summary>
    public int ReceiveMessageBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Largest response message; a handler that writes a larger one gets RESOURCE_EXHAUSTED.</summary>
    public int SendMessageBytesMax { get; init; } = int.MaxValue;

    /// <summary>Whether responses are compressed with gzip for clients that accept it, unless a handler says
    /// otherwise.</summary>
    public bool CompressResponses { get; init; }

    /// <summary>Connections at once on this port; more are closed at once.</summary>
    public int ConnectionsMax { get; init; } = 10_000;

    /// <summary>How long a new connection may stay silent before it is closed.</summary>
    public TimeSpan FirstBytesTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Deadlines run on this clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
