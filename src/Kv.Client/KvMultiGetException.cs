namespace Kv.Client;

/// <summary>Some keys of a multi-get could be read and others not. The inner exception is the first cause.</summary>
public sealed class KvMultiGetException : KvException
{
    /// <summary>Makes the error for a multi-get of which some keys failed.</summary>
    public KvMultiGetException(
        string message,
        IReadOnlyList<ValueWithRevision?> values,
        IReadOnlyList<int> failedKeys,
        Exception? innerException)
        : base(message, innerException)
    {
        Values = values;
        FailedKeys = failedKeys;
    }

    /// <summary>The values that were read, in the order of the keys; null = absent, or the key failed.</summary>
    public IReadOnlyList<ValueWithRevision?> Values { get; }

    /// <summary>Places, in the order of the keys, of those about which nothing is known; rising.</summary>
    public IReadOnlyList<int> FailedKeys { get; }
}
