namespace Kv.Client;

/// <summary>
/// The deletion of a range ended on the way, after at least one region, or a part of one, was done.
/// <see cref="Result"/> says how far it came, the inner exception why it ended.
/// </summary>
public sealed class KvDeleteRangeException : KvException
{
    /// <summary>Makes the error for a range of which <paramref name="result"/> was deleted.</summary>
    public KvDeleteRangeException(string message, DeleteRangeResult result, Exception innerException)
        : base(message, innerException) => Result = result;

    /// <summary>What was done before.</summary>
    public DeleteRangeResult Result { get; }

    /// <summary>Always true: something was deleted.</summary>
    public override bool MaybeApplied => true;
}
