namespace Kv.Server;

/// <summary>The process cannot start or go on. The message is one line that names the thing and what to do.</summary>
public sealed class StartException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
