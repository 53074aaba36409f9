using System.CommandLine;
using System.Text;
using System.Buffers;
using Kv.Client;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Commands;

internal static class GetCommand
{
    public static Command Build(CommandRunner runner)
    {
        var keys = new Argument<byte[][]>("key")
        {
            Description = "The keys: text, 0x…, b64:… or text:….",
            Arity = ArgumentArity.OneOrMore,
            CustomParser = CommandArguments.ParseKeys,
        };
        var raw = new Option<bool>(
            "--raw") { Description = "Writes the value's bytes as they are, without a line end; for one key." };
        var revision = new Option<bool>(
            "--revision") { Description = "Also the revision of the write that made each value." };
        var command = new Command(
            "get", "Prints the value of a key, or of several with their keys; exit code 3 when one does not exist.")
        {
            keys, raw, revision,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(raw) && (result.GetValue(revision) || result.GetResult(keys) is { Tokens.Count: > 1 }))
            {
                result.AddError("--raw is for one key, without --revision");
            }
        });
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[][] keyBytes = context.Parsed.GetRequiredValue(keys);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            if (keyBytes.Length > 1 || context.Parsed.GetValue(revision))
            {
                await GetManyAsync(context, data, keyBytes, context.Parsed.GetValue(revision), cancellationToken);
                return ExitCode.Success;
            }

            if (await data.GetAsync(keyBytes[0], cancellationToken) is not { } value)
            {
                throw NoKey(keyBytes[0]);
            }

            await PrintAsync(context, keyBytes[0], value, context.Parsed.GetValue(raw), cancellationToken);
            return ExitCode.Success;
        });
        return command;
    }

    private static CtlException NoKey(byte[] key) =>
        new(ExitCode.NotFound, $"there is no key {ByteText.Format(key)}; 'kvctl scan' lists keys");

    /// <summary>Prints what there is, in the order asked for, and fails when a key is missing.</summary>
    private static async Task GetManyAsync(
        CommandContext context, IKvData data, byte[][] keys, bool withRevision, CancellationToken cancellationToken)
    {
        IReadOnlyList<ValueWithRevision?> values = await data.GetManyAsync(
            Array.ConvertAll(keys, static key => new ReadOnlyMemory<byte>(key)), cancellationToken);
        List<Column> columns = [new("key", "key"), new("value", "value")];
        if (withRevision)
        {
            columns.Add(new Column("revision", "revision", IsNumber: true));
        }

        var list = new ReportList("rows", columns);
        byte[]? missing = null;
        for (int i = 0; i < keys.Length; i++)
        {
            if (values[i] is not { } value)
            {
                missing ??= keys[i];
                continue;
            }

            List<Cell> row = [Cell.Key(keys[i]), Cell.Key(value.Value)];
            if (withRevision)
            {
                row.Add(Cell.Id(value.Revision));
            }

            list.Rows.Add(row);
        }

        context.Print(new Report().List(list));
        if (missing is not null)
        {
            throw NoKey(missing);
        }
    }

    private static async Task PrintAsync(
        CommandContext context, byte[] key, ReadOnlyMemory<byte> value, bool isRaw, CancellationToken cancellationToken)
    {
        TextWriter output = context.Environment.Output;
        if (isRaw)
        {
            await output.FlushAsync(cancellationToken);
            await context.Environment.OutputBytes.WriteAsync(value, cancellationToken);
            await context.Environment.OutputBytes.FlushAsync(cancellationToken);
        }
        else if (context.Format == OutputFormat.Json)
        {
            var line = new ArrayBufferWriter<byte>();
            RowJson.Write(line, key, value.Span);
            await output.WriteAsync(Encoding.UTF8.GetString(line.WrittenSpan));
        }
        else
        {
            await output.WriteLineAsync(ByteText.Format(value.Span));
        }
    }
}
