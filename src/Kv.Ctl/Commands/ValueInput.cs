using System.CommandLine;
using Kv.Ctl.Text;
using Kv.Protocol;

namespace Kv.Ctl.Commands;

/// <summary>The value that a command writes: an argument, standard input, or a file.</summary>
internal sealed class ValueInput
{
    private const string FromInput = "-";

    private readonly Argument<string?> _value = new("value")
    {
        Description = "The value: text, 0x…, b64:… or text:…; - reads its bytes from standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _file = new("--file", "-f")
    {
        Description = "Takes the value's bytes from this file.", HelpName = "path",
    };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_value);
        command.Options.Add(_file);
        command.Validators.Add(result =>
        {
            if ((result.GetValue(_value) is null) == (result.GetValue(_file) is null))
            {
                result.AddError(
                    $"{command.Name} needs a value, '-' for standard input, or --file, and only one of them");
            }
        });
    }

    public Task<byte[]> ReadAsync(CommandContext context, CancellationToken cancellationToken) => ReadValueAsync(
        context.Environment, context.Parsed.GetValue(_value), context.Parsed.GetValue(_file), cancellationToken);

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
