using Kv.Ctl.Data;

namespace Kv.Ctl;

/// <summary>What a run of kvctl touches outside itself, so that tests run whole commands in memory.</summary>
internal sealed class CtlEnvironment
{
    public required Stream Input { get; init; }

    /// <summary>
    /// Standard output as bytes, for values written raw; <see cref="Output"/> is flushed before it is used.
    /// </summary>
    public required Stream OutputBytes { get; init; }

    public required TextWriter Output { get; init; }

    public required TextWriter Error { get; init; }

    public bool IsInputTerminal { get; init; }

    public bool IsOutputTerminal { get; init; }

    public bool IsErrorTerminal { get; init; }

    /// <summary>Reads an environment variable; null when it is not set.</summary>
    public required Func<string, string?> Variable { get; init; }

    public required Func<ConnectionSettings, CancellationToken, ValueTask<IKvData>> OpenData { get; init; }

    public required Func<ConnectionSettings, IKvAdministration> OpenAdministration { get; init; }
}
