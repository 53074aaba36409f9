using Kv.Client;

namespace Kv.Ctl;

/// <summary>Says in one line, with the exit code, how a command failed and what to do next.</summary>
internal static class CtlFailures
{
    /// <summary>The failure behind <paramref name="cause"/>, of whatever kind it is.</summary>
    public static CtlException Explain(Exception cause) => cause switch
    {
        CtlException known => known,
        KvInvalidRequestException => new CtlException(ExitCode.Usage, cause.Message, cause),
        KvUndeterminedException => new CtlException(
            ExitCode.Undetermined, With(cause.Message, "the write may or may not have taken effect: read the key "
                + "before writing again"), cause),
        KvDeleteRangeException => CtlException.Failure(
            With(cause.Message, "the rest is still there: run it again"), cause),
        KvTimeoutException => CtlException.Failure(
            With(cause.Message, "try again, give it longer with --timeout, or see 'kvctl cluster status'"), cause),
        KvUnavailableException => CtlException.Failure(
            With(cause.Message,
                "check that the stores run and that --seeds or KVCTL_SEEDS names their client addresses"), cause),
        KvException => CtlException.Failure(cause.Message, cause),
        OperationCanceledException => new CtlException(ExitCode.Interrupted, "stopped before it was done", cause),
        Playground.LocalClusterException => CtlException.Failure(cause.Message, cause),
        IOException or UnauthorizedAccessException => CtlException.Failure(cause.Message, cause),
        _ => CtlException.Failure(
            $"{cause.GetType().Name}: {cause.Message} (a defect in kvctl: please report it)", cause),
    };

    /// <summary>The text with line ends and other control characters turned into blanks.</summary>
    public static string OneLine(string text) =>
        string.Create(text.Length, text, static (line, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                line[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });

    private static string With(string message, string advice) => $"{message.TrimEnd('.')}; {advice}";
}
