namespace Kv.Client;

/// <summary>
/// A batch over several regions did not take effect as a whole. <see cref="Result"/> says which parts did.
/// </summary>
public sealed class KvBatchException : KvException
{
    /// <summary>Makes the error for a batch whose parts are in <paramref name="result"/>.</summary>
    public KvBatchException(string message, BatchResult result, Exception? innerException = null)
        : base(message, innerException) => Result = result;

    /// <summary>Every part with its outcome, in order of keys.</summary>
    public BatchResult Result { get; }

    /// <summary>True when at least one part took effect or may have.</summary>
    public override bool MaybeApplied => Result.MaybeApplied;
}
