using System.CommandLine;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Commands;

internal static class ImportCommand
{
    private const string FromInput = "-";

    public static Command Build(CommandRunner runner)
    {
        var path = new Argument<string>("file")
        {
            Description = """Lines of JSON, {"key":"…","value":"…"}; - reads them from standard input.""",
        };
        Option<int> concurrency = CommandArguments.Concurrency(preset: 64, max: 4096, "Puts under way at a time");
        var resume = new Option<string?>("--resume")
        {
            Description = "Keeps in this file how far the import came, and goes on from there when it exists.",
            HelpName = "checkpoint",
        };
        var command = new Command(
            "import", "Puts the rows of a file; bad lines are counted and fail the command at the end.")
        {
            path, concurrency, resume,
        };
        runner.Attach(command, (context, cancellationToken) => RunAsync(
            context,
            context.Parsed.GetRequiredValue(path),
            new ImportOptions
            {
                InputName = context.Parsed.GetRequiredValue(path) is var name and not FromInput
                    ? name
                    : "standard input",
                Concurrency = context.Parsed.GetValue(concurrency),
                CheckpointPath = context.Parsed.GetValue(resume),
            },
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        CommandContext context, string path, ImportOptions options, CancellationToken cancellationToken)
    {
        CtlEnvironment environment = context.Environment;
        await using Stream input = path == FromInput ? environment.Input : Open(path);
        var counters = new TransferCounters();
        if (input.CanSeek)
        {
            counters.SetEnd(input.Length);
        }

        await using IKvData data = await context.OpenDataAsync(cancellationToken);
        TimeProvider clock = TimeProvider.System;
        long start = clock.GetTimestamp();
        using var runner = new ImportRunner(data, options, counters, environment.Error, clock);
        ImportSummary summary = await TransferDisplay.RunAsync(
            "importing", counters, environment.Error, environment.IsErrorTerminal, clock,
            () => runner.RunAsync(input, cancellationToken));
        TimeSpan time = clock.GetElapsedTime(start);
        context.Print(new Report()
            .Fact("imported", "imported", Cell.Of((ulong)summary.ImportedCount))
            .Fact("done before, up to line", "resumed_line", Cell.Of((ulong)summary.ResumedLine))
            .Fact("bad lines", "bad", Cell.Of((ulong)summary.BadCount))
            .Fact("key and value bytes", "bytes", Cell.Bytes((ulong)counters.Bytes))
            .Fact("time", "ms", Cell.Ms((ulong)time.TotalMilliseconds)));
        return summary.BadCount == 0
            ? ExitCode.Success
            : throw CtlException.Failure(
                $"{QuantityText.Of(summary.BadCount, "line", "lines")} of {options.InputName} "
                + $"{(summary.BadCount == 1 ? "was" : "were")} bad and not imported; correct and import those alone");
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: true);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw CtlException.Failure($"{path} cannot be read: {cause.Message}", cause);
        }
    }
}
