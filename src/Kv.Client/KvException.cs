namespace Kv.Client;

/// <summary>
/// Base of everything that the client throws when an operation was not done, except for cancellation
/// (<see cref="OperationCanceledException"/>) and wrong use of the API (<see cref="ArgumentException"/>,
/// <see cref="ObjectDisposedException"/>). The message is one line that names the thing and the cause.
/// </summary>
public class KvException : Exception
{
    /// <summary>Makes an error with a one-line message for people and, when there is one, its cause.</summary>
    public KvException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>
    /// Whether a write may have taken effect, or may still take effect. False: it has not and never will. Reads always
    /// say false.
    /// </summary>
    public virtual bool MaybeApplied => false;
}
