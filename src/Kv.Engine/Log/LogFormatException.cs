namespace Kv.Engine.Log;

/// <summary>The log was written by a newer version, or belongs to another store. It is left untouched.</summary>
public sealed class LogFormatException(
    string file, string reason) : Exception($"the raft log cannot be used: {file}: {reason}")
{
    public string File { get; } = file;

    public string Reason { get; } = reason;
}
