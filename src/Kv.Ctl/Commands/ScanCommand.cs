using System.Buffers;
using System.CommandLine;
using System.Text;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Commands;

internal static class ScanCommand
{
    /// <summary>A table is made of all rows before it is printed, for people who read it.</summary>
    private const long TableRowsMax = 100_000;

    private const long TableRowsDefault = 100;

    public static Command Build(CommandRunner runner)
    {
        var range = new RangeOptions();
        var limit = new Option<long?>("--limit", "-n")
        {
            Description = $"Most rows; 0 is no limit (default: {TableRowsDefault} in a table, else no limit).",
            HelpName = "n",
            CustomParser = result =>
                CommandArguments.Parse(result, text => CommandArguments.Number(text, 0L, long.MaxValue)),
        };
        var reverse = new Option<bool>("--reverse", "-r") { Description = "From the greatest key down." };
        var keysOnly = new Option<bool>("--keys-only", "-k") { Description = "Without values." };
        var command = new Command("scan", "Prints keys and values in the order of keys.");
        range.AddTo(command);
        command.Options.Add(limit);
        command.Options.Add(reverse);
        command.Options.Add(keysOnly);
        runner.Attach(command, async (context, cancellationToken) =>
        {
            bool isTable = context.Format == OutputFormat.Table;
            long rows = context.Parsed.GetValue(limit) ?? (isTable ? TableRowsDefault : 0);
            if (isTable && (rows == 0 || rows > TableRowsMax))
            {
                rows = TableRowsMax;
            }

            ScanRange wanted = range.Range(context.Parsed) with
            {
                Reverse = context.Parsed.GetValue(reverse),
                KeysOnly = context.Parsed.GetValue(keysOnly),
                Limit = rows,
            };
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            if (isTable)
            {
                await PrintTableAsync(context, data, wanted, cancellationToken);
            }
            else
            {
                await PrintLinesAsync(context, data, wanted, cancellationToken);
            }

            return ExitCode.Success;
        });
        return command;
    }

    // One row more than is shown tells whether there are more.
    private static async Task PrintTableAsync(
        CommandContext context, IKvData data, ScanRange range, CancellationToken cancellationToken)
    {
        var list = new ReportList(
            "rows", range.KeysOnly ? [new("key", "key")] : [new("key", "key"), new("value", "value")]);
        await foreach (KeyValueRow row in data.ScanAsync(range with { Limit = range.Limit + 1 }, cancellationToken))
        {
            if (list.Rows.Count == range.Limit)
            {
                context.Print(new Report().List(list));
                await context.Environment.Error.WriteLineAsync(
                    "there are more rows; go on with "
                        + $"{(range.Reverse ? "a lower --end" : "--start " + ByteText.Format(row.Key.Span))}, or "
                        + "raise --limit");
                return;
            }

            list.Rows.Add(range.KeysOnly ? [Cell.Key(row.Key)] : [Cell.Key(row.Key), Cell.Key(row.Value)]);
        }

        context.Print(new Report().List(list));
    }

    private static async Task PrintLinesAsync(
        CommandContext context, IKvData data, ScanRange range, CancellationToken cancellationToken)
    {
        var line = new ArrayBufferWriter<byte>();
        await foreach (KeyValueRow row in data.ScanAsync(range, cancellationToken))
        {
            if (context.Format == OutputFormat.Json)
            {
                line.ResetWrittenCount();
                RowJson.Write(line, row.Key.Span, row.Value.Span, range.KeysOnly);
                await context.Environment.Output.WriteAsync(Encoding.UTF8.GetString(line.WrittenSpan));
            }
            else
            {
                string key = ByteText.Format(row.Key.Span);
                await context.Environment.Output.WriteLineAsync(
                    range.KeysOnly ? key : $"{key}\t{ByteText.Format(row.Value.Span)}");
            }
        }
    }
}
