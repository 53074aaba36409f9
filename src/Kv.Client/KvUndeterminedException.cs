namespace Kv.Client;

/// <summary>
/// A write was sent and its outcome cannot be known: it may have taken effect, or may still. Thrown when the time
/// budget ran out, the caller cancelled or the client was closed after the write had been sent, and when a store says
/// that it forgot the outcome.
/// The client never sends such a write again. To find out, read the key.
/// </summary>
public sealed class KvUndeterminedException : KvException
{
    /// <inheritdoc cref="KvException(string, Exception?)"/>
    public KvUndeterminedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Always true.</summary>
    public override bool MaybeApplied => true;
}
