namespace Kv.Ctl;

/// <summary>What kvctl's exit codes mean; a script may rely on them.</summary>
internal static class ExitCode
{
    /// <summary>All that was asked for was done.</summary>
    public const int Success = 0;

    /// <summary>It was not done, or only in part; stderr says what and why.</summary>
    public const int Failure = 1;

    /// <summary>The command line, a key or a value is not well-formed; nothing was tried.</summary>
    public const int Usage = 2;

    /// <summary><c>get</c> or <c>exists</c> found no such key.</summary>
    public const int NotFound = 3;

    /// <summary>A write may or may not have taken effect: read the key before writing again.</summary>
    public const int Undetermined = 4;

    /// <summary>The key was not as expected, so that nothing was changed.</summary>
    public const int ConditionFailed = 5;

    /// <summary>Stopped by SIGINT before it was done.</summary>
    public const int Interrupted = 130;
}
