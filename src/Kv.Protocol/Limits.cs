namespace Kv.Protocol;

/// <summary>
/// Limits of requests. Defaults are what servers use unless configured; ceilings are what no configuration may exceed.
/// </summary>
public sealed record Limits
{
    public static readonly Limits Default = new();

    public const int KeyBytesCeiling = 8 * 1024;

    public const int ValueBytesCeiling = 8 * 1024 * 1024;

    /// <summary>Longest key in bytes. Empty keys are refused for point operations.</summary>
    public int KeyBytesMax { get; init; } = KeyBytesCeiling;

    public int ValueBytesMax { get; init; } = 1024 * 1024;

    /// <summary>Most mutations in one write.</summary>
    public int BatchCountMax { get; init; } = 10_000;

    /// <summary>Most key and value bytes in one write.</summary>
    public int BatchBytesMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>Most keys in one multi-get.</summary>
    public int MultiGetCountMax { get; init; } = 10_000;

    /// <summary>
    /// Most bytes in one scan page or one answer to a multi-get; stock gRPC clients refuse responses above 4 MiB (Wire
    /// law).
    /// </summary>
    public int ScanPageBytesMax { get; init; } = 1024 * 1024;

    public int ScanPageRowsMax { get; init; } = 10_000;

    /// <summary>Most requests in one message of a pipeline.</summary>
    public int PipelineCountMax { get; init; } = 4096;

    /// <summary>Largest message accepted on the client port.</summary>
    public int MessageBytesMax { get; init; } = 16 * 1024 * 1024;
}
