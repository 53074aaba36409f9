using System.CommandLine;

namespace Kv.Ctl.Commands;

/// <summary>Runs the action of a command and turns every failure into one line on stderr and an exit code.</summary>
internal sealed class CommandRunner(CtlEnvironment environment, GlobalOptions globals)
{
    public void Attach(Command command, Func<CommandContext, CancellationToken, Task<int>> action) =>
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, action, cancellationToken));

    private async Task<int> RunAsync(
        ParseResult parsed,
        Func<CommandContext, CancellationToken, Task<int>> action,
        CancellationToken cancellationToken)
    {
        try
        {
            return await action(
                new CommandContext(environment, parsed, globals.Connection(parsed), globals.Format(parsed)),
                cancellationToken);
        }
        catch (Exception cause)
        {
            CtlException failure = CtlFailures.Explain(cause);
            await environment.Output.FlushAsync(CancellationToken.None);
            await environment.Error.WriteLineAsync("kvctl: " + CtlFailures.OneLine(failure.Message));
            return failure.ExitCode;
        }
    }
}
