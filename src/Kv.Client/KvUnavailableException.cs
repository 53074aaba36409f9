namespace Kv.Client;

/// <summary>
/// The operation was refused without being sent: no seed could be reached, the client has too many operations waiting,
/// or it is closed. Nothing was written.
/// </summary>
public sealed class KvUnavailableException : KvException
{
    /// <inheritdoc cref="KvException(string, Exception?)"/>
    public KvUnavailableException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
