using System.CommandLine;
using System.Text;
using System.Buffers;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Kv.Ctl.Transfer;

namespace Kv.Ctl.Commands;

internal static class GetCommand
{
    public static Command Build(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var raw = new Option<bool>(
            "--raw") { Description = "Writes the value's bytes as they are, without a line end." };
        var command = new Command("get", "Prints the value of a key; exit code 3 when there is none.") { key, raw };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            if (await data.GetAsync(keyBytes, cancellationToken) is not { } value)
            {
                throw new CtlException(
                    ExitCode.NotFound, $"there is no key {ByteText.Format(keyBytes)}; 'kvctl scan' lists keys");
            }

            await PrintAsync(context, keyBytes, value, context.Parsed.GetValue(raw), cancellationToken);
            return ExitCode.Success;
        });
        return command;
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
