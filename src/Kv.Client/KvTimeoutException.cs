namespace Kv.Client;

/// <summary>
/// The operation's time budget ran out. Nothing was written: a write that may have been executed is a
/// <see cref="KvUndeterminedException"/> instead. The message lists what the time was spent on and the last error seen.
/// </summary>
public sealed class KvTimeoutException : KvException
{
    /// <inheritdoc cref="KvException(string, Exception?)"/>
    public KvTimeoutException(string message)
        : base(message)
    {
    }
}
