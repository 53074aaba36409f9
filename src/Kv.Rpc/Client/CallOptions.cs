namespace Kv.Rpc.Client;

/// <summary>How one call is made.</summary>
public sealed record CallOptions
{
    public static CallOptions Default { get; } = new();

    /// <summary>The call's deadline, counted from its start and sent to the server; when it passes the call ends with
    /// DEADLINE_EXCEEDED on both sides. Null is none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Sent with the call; null is none.</summary>
    public Metadata? Headers { get; init; }

    /// <summary>Whether request messages are compressed with gzip.</summary>
    public bool CompressRequests { get; init; }
}
