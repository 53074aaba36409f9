namespace Kv.Client;

/// <summary>
/// The request itself is wrong (an empty key, a value over the limit, a range that ends before it starts). It was not
/// executed and sending it again cannot help. The message names the argument and the limit.
/// </summary>
public sealed class KvInvalidRequestException : KvException
{
    /// <summary>Makes the error for <paramref name="argument"/>.</summary>
    public KvInvalidRequestException(string argument, string message)
        : base(message) => Argument = argument;

    /// <summary>Name of the argument or request field that is wrong; empty when a store did not say.</summary>
    public string Argument { get; }
}
