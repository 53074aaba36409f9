namespace Kv.Client;

/// <summary>
/// The write took effect, but what it should have handed back is lost: its first answer did not arrive, and the region
/// remembers large results for retries only as "applied". The value that was there before cannot be read any more.
/// </summary>
public sealed class KvResultDroppedException : KvException
{
    /// <summary>Makes the error for the write that is <paramref name="receipt"/>.</summary>
    public KvResultDroppedException(string message, WriteReceipt receipt)
        : base(message) => Receipt = receipt;

    /// <summary>Proof that the write took effect.</summary>
    public WriteReceipt Receipt { get; }

    /// <summary>Always true: it was applied.</summary>
    public override bool MaybeApplied => true;
}
