namespace Kv.Client;

/// <summary>
/// A sequence has fewer numbers left than were asked for. None was handed out; a smaller step may do, or a reset.
/// </summary>
public sealed class KvSequenceExhaustedException : KvException
{
    /// <inheritdoc cref="KvException(string, Exception?)"/>
    public KvSequenceExhaustedException(string message)
        : base(message)
    {
    }
}
