using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Kv.Client;
using Kv.Ctl.Text;

namespace Kv.Ctl.Commands;

/// <summary>The condition that a put or a delete may have: what the key must be like.</summary>
internal sealed class ExpectOptions
{
    private readonly Option<byte[]?> _value = new("--expect-value")
    {
        Description = "Only if the key has this value; written as values are.",
        HelpName = "value",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => CommandArguments.Parse(result, ByteText.Parse),
    };

    private readonly Option<ulong?> _revision = new("--expect-revision")
    {
        Description = "Only if the key was written last as this revision; 'get --revision' shows it.",
        HelpName = "n",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => CommandArguments.Parse(result, ParseRevision),
    };

    private readonly Option<bool> _absent = new("--expect-absent") { Description = "Only if there is no such key." };

    private readonly Option<bool> _ifAbsent = new("--if-absent") { Description = "The same as --expect-absent." };

    /// <summary>Adds the options; a command that has no use for an absent key gets none for that.</summary>
    public void AddTo(Command command, bool mayBeAbsent)
    {
        command.Options.Add(_value);
        command.Options.Add(_revision);
        if (mayBeAbsent)
        {
            command.Options.Add(_absent);
            command.Options.Add(_ifAbsent);
        }

        command.Validators.Add(result =>
        {
            bool isAbsent = mayBeAbsent && (result.GetValue(_absent) || result.GetValue(_ifAbsent));
            int count = (Given(result, _value) ? 1 : 0) + (Given(result, _revision) ? 1 : 0) + (isAbsent ? 1 : 0);
            if (count > 1)
            {
                result.AddError("a key can be expected to be one thing only: give one of the --expect options");
            }
        });
    }

    /// <summary>Null when none is given.</summary>
    public KvExpectation? Of(ParseResult parsed)
    {
        CommandResult result = parsed.CommandResult;
        if (result.GetResult(_value) is { Implicit: false })
        {
            return KvExpectation.Value(parsed.GetValue(_value) ?? []);
        }

        if (result.GetResult(_revision) is { Implicit: false })
        {
            return KvExpectation.Revision(parsed.GetValue(_revision) ?? 0);
        }

        bool isAbsent = result.GetResult(_absent) is not null && parsed.GetValue(_absent);
        bool ifAbsent = result.GetResult(_ifAbsent) is not null && parsed.GetValue(_ifAbsent);
        return isAbsent || ifAbsent ? KvExpectation.Absent : null;
    }

    /// <summary>How a command fails whose condition did not hold.</summary>
    public static CtlException Failure(byte[] key, ConditionalReceipt receipt)
    {
        string found = receipt switch
        {
            { CurrentDropped: true } => "is not as expected",
            { Current: { } current } => "is not as expected: its value is "
                + $"{Shorten(ByteText.Format(current.Value))}, revision {Number(current.Revision)}",
            _ => "does not exist",
        };
        return new CtlException(
            ExitCode.ConditionFailed, $"the key {ByteText.Format(key)} {found}; nothing was changed");
    }

    private static string Shorten(string text) => text.Length > 100 ? text[..100] + "…" : text;

    private static string Number(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool Given(CommandResult result, Option option) =>
        result.GetResult(option) is { Implicit: false };

    private static ulong? ParseRevision(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong revision) && revision > 0
            ? revision
            : throw new FormatException($"'{text}' is no revision: a number above 0");
}
