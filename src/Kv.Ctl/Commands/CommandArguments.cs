using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Kv.Ctl.Text;

namespace Kv.Ctl.Commands;

/// <summary>Arguments and options that several commands share, and how their text becomes values.</summary>
internal static class CommandArguments
{
    public static Argument<byte[]> Key() => new("key")
    {
        Description = "The key: text, 0x…, b64:… or text:….",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => Parse(result, ByteText.Parse),
    };

    /// <summary>Parses every token as a key.</summary>
    public static byte[][]? ParseKeys(ArgumentResult result)
    {
        var keys = new byte[result.Tokens.Count][];
        for (int i = 0; i < keys.Length; i++)
        {
            try
            {
                keys[i] = ByteText.Parse(result.Tokens[i].Value);
            }
            catch (FormatException cause)
            {
                result.AddError($"{result.Argument.Name}: {cause.Message}");
                return null;
            }
        }

        return keys;
    }

    public static Option<byte[]?> KeyOption(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "key",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => Parse(result, ByteText.Parse),
    };

    /// <summary>
    /// The value of an option of <see cref="KeyOption"/>; null when it is not given, or its text is no key.
    /// </summary>
    public static byte[]? KeyOrNull(CommandResult result, Option<byte[]?> option) =>
        result.GetResult(option) is { Implicit: false, Errors: var errors } && !errors.Any()
            ? result.GetValue(option)
            : null;

    public static Option<int> Concurrency(int preset, int max, string description)
    {
        var option = new Option<int>("--concurrency", "-c")
        {
            Description = $"{description} (default: {preset}).",
            HelpName = "n",
            DefaultValueFactory = _ => preset,
        };
        option.CustomParser = result => Parse(result, text => Number(text, 1, max));
        return option;
    }

    public static Argument<ulong> Id(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result => Parse(result, ParseId),
    };

    /// <summary>
    /// Parses the one token of <paramref name="result"/>; a <see cref="FormatException"/> becomes its error.
    /// </summary>
    public static T? Parse<T>(ArgumentResult result, Func<string, T> parse)
    {
        try
        {
            return parse(result.Tokens[^1].Value);
        }
        catch (FormatException cause)
        {
            string name = result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;
            result.AddError($"{name}: {cause.Message}");
            return default;
        }
    }

    public static long Number(string text, long min, long max) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            && number >= min && number <= max
            ? number
            : throw new FormatException($"'{text}' is not a number from {min} to {max}");

    public static int Number(string text, int min, int max) => (int)Number(text, (long)min, max);

    /// <summary>Whether <paramref name="text"/> is host:port.</summary>
    public static bool IsAddress(string text)
    {
        int colon = text.LastIndexOf(':');
        return colon > 0
            && Uri.CheckHostName(text[..colon].Trim('[', ']')) != UriHostNameType.Unknown
            && ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            && port > 0;
    }

    private static ulong ParseId(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong id) && id > 0
            ? id
            : throw new FormatException($"'{text}' is no id: a number above 0");
}
