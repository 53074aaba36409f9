using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Kv.Ctl.Commands;

namespace Kv.Ctl;

/// <summary>kvctl's command line as a whole: what is parsed, how it runs, how errors are told.</summary>
internal static class CtlCommandLine
{
    /// <summary>
    /// From Ctrl-C or SIGTERM to the forced end of the process: a playground waits 30 s for its stores and then still
    /// says which of them did not stop.
    /// </summary>
    private static readonly TimeSpan TerminationTimeout = TimeSpan.FromSeconds(40);

    private static readonly ParserConfiguration Parser = new()
    {
        // A key may begin with '@': that is no file of arguments.
        ResponseFileTokenReplacer = null,
        EnablePosixBundling = false,
    };

    /// <summary>Runs one command and returns its exit code (see <see cref="ExitCode"/>).</summary>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> args, CtlEnvironment environment, CancellationToken cancellationToken = default)
    {
        ParseResult parsed = Build(environment).Parse(args, Parser);
        if (parsed.Action is ParseErrorAction)
        {
            string command = Path(parsed.CommandResult.Command);
            string what = parsed.UnmatchedTokens is [var unknown, ..]
                ? $"'{unknown}' is no command, option or further argument of '{command}'"
                : parsed.Errors[0].Message.TrimEnd('.');
            await environment.Error.WriteLineAsync($"kvctl: {CtlFailures.OneLine(what)}; see '{command} --help'");
            return ExitCode.Usage;
        }

        int exitCode = await parsed.InvokeAsync(
            new InvocationConfiguration
            {
                Output = environment.Output,
                Error = environment.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TerminationTimeout,
            },
            cancellationToken);
        await environment.Output.FlushAsync(CancellationToken.None);
        return exitCode;
    }

    public static RootCommand Build(CtlEnvironment environment)
    {
        var root = new RootCommand(
            """
            Talks to a KvStore cluster: data, regions, stores, and a playground on this machine.

            Keys and values are text, 0x… (hexadecimal), b64:… (base64), or text:… for text that looks like these.
            Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such key (get, exists),
            4 outcome not known, 5 not as expected (--expect-…), 130 stopped.
            """);
        for (int i = 0; i < root.Options.Count; i++)
        {
            // Without "/h" and "/?", which are keys like others.
            if (root.Options[i] is HelpOption)
            {
                root.Options[i] = new HelpOption("--help", "-h") { Description = "Shows this text." };
            }
        }

        var globals = new GlobalOptions(environment);
        globals.AddTo(root);
        var runner = new CommandRunner(environment, globals);
        root.Add(PutCommand.Build(runner));
        root.Add(GetCommand.Build(runner));
        root.Add(ExistsCommand.Build(runner));
        root.Add(GetPutCommand.Build(runner));
        root.Add(DeleteCommand.Build(runner));
        root.Add(DeleteRangeCommand.Build(runner));
        root.Add(ScanCommand.Build(runner));
        root.Add(SequenceCommands.Build(runner));
        root.Add(ImportCommand.Build(runner));
        root.Add(ExportCommand.Build(runner));
        root.Add(ClusterCommands.Build(runner));
        root.Add(StoreCommands.Build(runner));
        root.Add(RegionCommands.Build(runner));
        root.Add(PlaygroundCommand.Build(runner));
        return root;
    }

    private static string Path(Command command)
    {
        string path = command is RootCommand ? "kvctl" : command.Name;
        return command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{Path(parent)} {path}" : path;
    }
}
