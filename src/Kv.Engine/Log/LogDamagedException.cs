namespace Kv.Engine.Log;

/// <summary>
/// Durable bytes are wrong. At open: damage that cannot be pinned to groups, so the store must not start. On a read:
/// this entry or this group must not be used. Never repaired by skipping or deleting.
/// </summary>
public sealed class LogDamagedException(string file, long offset, string reason)
    : Exception($"the raft log is damaged: {file} at offset {offset}: {reason}")
{
    public string File { get; } = file;

    public long Offset { get; } = offset;

    public string Reason { get; } = reason;
}
