// Owns the check for what must be impossible. Checks stay on in Release: a process that finds its own state wrong must
// stop, because going on could acknowledge what it does not have.
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Kv.Base;

/// <summary>
/// Thrown when a state that must be impossible is found. Hosts of loops end the process on it; nothing else catches it.
/// </summary>
public sealed class InvariantViolationException(string message) : Exception(message);

public static class Invariant
{
    /// <summary>
    /// Requires <paramref name="condition"/>; otherwise throws <see cref="InvariantViolationException"/> naming it.
    /// </summary>
    public static void Require(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string? expression = null,
        [CallerMemberName] string? member = null,
        [CallerFilePath] string? file = null,
        [CallerLineNumber] int line = 0)
    {
        if (!condition)
        {
            Throw($"invariant broken: {expression} in {member} at {Path.GetFileName(file)}:{line}");
        }
    }

    /// <summary>
    /// Requires <paramref name="condition"/> and says what the values were. The handler builds text only on failure.
    /// </summary>
    public static void Require(
        [DoesNotReturnIf(false)] bool condition,
        [InterpolatedStringHandlerArgument(nameof(condition))] ref RequireInterpolatedStringHandler detail,
        [CallerMemberName] string? member = null,
        [CallerFilePath] string? file = null,
        [CallerLineNumber] int line = 0)
    {
        if (!condition)
        {
            Throw($"invariant broken: {detail.Text} in {member} at {Path.GetFileName(file)}:{line}");
        }
    }

    /// <summary>For switch arms that cannot be reached: <c>_ => throw Invariant.Unreachable(value)</c>.</summary>
    public static InvariantViolationException Unreachable(
        object? value,
        [CallerMemberName] string? member = null,
        [CallerFilePath] string? file = null,
        [CallerLineNumber] int line = 0) =>
        new($"invariant broken: unexpected value {value} in {member} at {Path.GetFileName(file)}:{line}");

    [DoesNotReturn]
    private static void Throw(string message) => throw new InvariantViolationException(message);
}

[InterpolatedStringHandler]
public ref struct RequireInterpolatedStringHandler
{
    private DefaultInterpolatedStringHandler _inner;
    private readonly bool _active;

    public RequireInterpolatedStringHandler(
        int literalLength, int formattedCount, bool condition, out bool shouldAppend)
    {
        _active = shouldAppend = !condition;
        _inner = _active ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    internal string Text => _active ? _inner.ToStringAndClear() : "";

    public void AppendLiteral(string value) => _inner.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => _inner.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _inner.AppendFormatted(value, format);
}
