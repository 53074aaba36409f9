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

    /// <summary>Deadlines run on this clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
