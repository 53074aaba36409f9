using System.CommandLine;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;
using Kv.Protocol;

namespace Kv.Ctl.Commands;

internal static class PutCommand
{
    private const string FromInput = "-";

    public static Command Build(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var value = new Argument<string?>("value")
        {
            Description = "The value: text, 0x…, b64:… or text:…; - reads its bytes from standard input.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var file = new Option<string?>(
            "--file", "-f") { Description = "Takes the value's bytes from this file.", HelpName = "path" };
        var command = new Command("put", "Sets a key to a value.") { key, value, file };
        command.Validators.Add(result =>
        {
            if ((result.GetValue(value) is null) == (result.GetValue(file) is null))
            {
                result.AddError("put needs a value, '-' for standard input, or --file, and only one of them");
            }
        });
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            byte[] bytes = await ReadValueAsync(
                context.Environment, context.Parsed.GetValue(value), context.Parsed.GetValue(file), cancellationToken);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            await data.PutAsync(keyBytes, bytes, cancellationToken);
            context.Print(new Report().Fact("put", "key", Cell.Key(keyBytes)));
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task<byte[]> ReadValueAsync(
        CtlEnvironment environment, string? text, string? path, CancellationToken cancellationToken)
    {
        if (text is not null and not FromInput)
        {
            try
            {
                return ByteText.Parse(text);
            }
            catch (FormatException cause)
            {
                throw CtlException.Usage($"value: {cause.Message}");
            }
        }

        if (path is null)
        {
            return await ReadBoundedAsync(environment.Input, "standard input", cancellationToken);
        }

        try
        {
            await using FileStream file = File.OpenRead(path);
            return await ReadBoundedAsync(file, path, cancellationToken);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw CtlException.Failure($"the value cannot be read from {path}: {cause.Message}", cause);
        }
    }

    private static async Task<byte[]> ReadBoundedAsync(Stream input, string name, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        byte[] chunk = new byte[64 * 1024];
        while (await input.ReadAsync(chunk, cancellationToken) is var count and > 0)
        {
            await bytes.WriteAsync(chunk.AsMemory(0, count), cancellationToken);
            if (bytes.Length > Limits.ValueBytesCeiling)
            {
                throw CtlException.Usage(
                    $"the value in {name} is longer than {Limits.ValueBytesCeiling} bytes, the most any cluster "
                        + "takes; cut it into several keys");
            }
        }

        return bytes.ToArray();
    }
}
