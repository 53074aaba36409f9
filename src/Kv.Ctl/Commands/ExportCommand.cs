using System.CommandLine;
using Kv.Base;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Commands;

internal static class ExportCommand
{
    private const string ToOutput = "-";

    public static Command Build(CommandRunner runner)
    {
        var path = new Argument<string>("file")
        {
            Description =
                """Gets lines of JSON, {"key":"…","value":"…"}, in the order of keys; - writes to standard output.""",
        };
        var range = new RangeOptions();
        Option<int> concurrency = CommandArguments.Concurrency(preset: 4, max: 64, "Regions scanned at a time");
        var resume = new Option<bool>("--resume") { Description = "Goes on behind the last key of the file." };
        var overwrite = new Option<bool>("--overwrite") { Description = "Replaces the file when it exists." };
        var command = new Command(
            "export", "Writes keys and values to a file.") { path, concurrency, resume, overwrite };
        range.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(resume) && result.GetValue(overwrite))
            {
                result.AddError("--resume and --overwrite exclude each other");
            }
            else if (result.GetValue(resume) && result.GetValue(path) == ToOutput)
            {
                result.AddError("--resume needs a file: standard output cannot be read back");
            }
        });
        runner.Attach(command, (context, cancellationToken) => RunAsync(
            context,
            context.Parsed.GetRequiredValue(path),
            range.Range(context.Parsed),
            context.Parsed.GetValue(concurrency),
            context.Parsed.GetValue(resume),
            context.Parsed.GetValue(overwrite),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        CommandContext context, string path, ScanRange range, int concurrency, bool resume, bool overwrite,
        CancellationToken cancellationToken)
    {
        CtlEnvironment environment = context.Environment;
        await environment.Output.FlushAsync(cancellationToken);
        await using IKvData data = await context.OpenDataAsync(cancellationToken);
        byte[]? lastKey = null;
        Stream output = path switch
        {
            ToOutput => environment.OutputBytes,
            _ when resume => ExportFile.Resume(path, out lastKey),
            _ => ExportFile.Create(path, overwrite),
        };
        try
        {
            range = lastKey is null ? range : GoOnBehind(lastKey, range, path);
            var counters = new TransferCounters();
            TimeProvider clock = TimeProvider.System;
            long start = clock.GetTimestamp();
            var runner = new ExportRunner(data, concurrency, counters);
            long count = await TransferDisplay.RunAsync(
                "exporting", counters, environment.Error, environment.IsErrorTerminal, clock,
                () => runner.RunAsync(range, output, cancellationToken));
            TimeSpan time = clock.GetElapsedTime(start);
            Report report = new Report()
                .Fact("exported", "exported", Cell.Of((ulong)count))
                .Fact("went on behind", "resumed_behind", lastKey is null ? Cell.None : Cell.Key(lastKey))
                .Fact("key and value bytes", "bytes", Cell.Bytes((ulong)counters.Bytes))
                .Fact("time", "ms", Cell.Ms((ulong)time.TotalMilliseconds));

            // Standard output is the export itself.
            TextWriter messages = path == ToOutput ? environment.Error : environment.Output;
            ReportPrinter.Print(report, context.Format, messages, isTerminal: false);
            return ExitCode.Success;
        }
        finally
        {
            if (path != ToOutput)
            {
                await output.DisposeAsync();
            }
        }
    }

    private static ScanRange GoOnBehind(byte[] lastKey, ScanRange range, string path)
    {
        bool isInside = KeyOrder.Instance.Compare(lastKey, range.Start) >= 0
            && (range.End is null || KeyOrder.Instance.Compare(lastKey, range.End) < 0);
        return isInside
            ? range with { Start = ScanRange.Successor(lastKey) }
            : throw CtlException.Failure(
                $"the last key of {path}, {ByteText.Format(lastKey)}, lies outside the range asked for; give the "
                    + "same range as before, or another file");
    }
}
