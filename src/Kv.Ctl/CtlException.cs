namespace Kv.Ctl;

/// <summary>
/// How a command fails when the cause is known: one line for stderr that names the thing and says what to do next, and
/// the exit code.
/// </summary>
internal sealed class CtlException(int exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    public int ExitCode { get; } = exitCode;

    public static CtlException Usage(string message) => new(Ctl.ExitCode.Usage, message);

    public static CtlException Failure(string message, Exception? cause = null) =>
        new(Ctl.ExitCode.Failure, message, cause);
}
