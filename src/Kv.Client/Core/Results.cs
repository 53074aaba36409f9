using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>What stores tell about values, as callers get it.</summary>
internal static class Results
{
    /// <summary>The value with its revision, copied; null = absent, or too large to be told.</summary>
    public static ValueWithRevision? ToValue(MutationResult result) => result.Found && !result.ValueDropped
        ? new ValueWithRevision(result.Value.ToByteArray(), result.Revision)
        : null;

    /// <inheritdoc cref="ToValue(MutationResult)"/>
    public static ValueWithRevision? ToValue(GetResult result) => result.Found
        ? new ValueWithRevision(result.Value.ToByteArray(), result.Revision)
        : null;
}
