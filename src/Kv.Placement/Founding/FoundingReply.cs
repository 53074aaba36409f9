namespace Kv.Placement.Founding;

/// <summary>Answer to a call between founders: exactly one of the three is set.</summary>
/// <param name="Value">The answer.</param>
/// <param name="Refusal">A definite no, one line for people: the same call will never succeed.</param>
/// <param name="Failure">Nobody can tell whether the call was handled; it may be sent again.</param>
public readonly record struct FoundingReply<T>(T? Value, string? Refusal, string? Failure)
    where T : class
{
    public static implicit operator FoundingReply<T>(T value) => new(value, null, null);

    public static FoundingReply<T> Refused(string why) => new(null, why, null);

    public static FoundingReply<T> Failed(string why) => new(null, null, why);
}
