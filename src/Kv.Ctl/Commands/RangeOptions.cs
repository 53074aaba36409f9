using System.CommandLine;
using System.CommandLine.Parsing;
using Kv.Base;
using Kv.Ctl.Data;
using Kv.Ctl.Text;

namespace Kv.Ctl.Commands;

/// <summary>The range of keys that scan, export and delete-range take: a prefix, or a start and an end.</summary>
internal sealed class RangeOptions
{
    private readonly Option<byte[]?> _prefix = CommandArguments.KeyOption("--prefix", "Only keys that begin so.");

    private readonly Option<byte[]?> _start = CommandArguments.KeyOption("--start", "The first key (inclusive).");

    private readonly Option<byte[]?> _end = CommandArguments.KeyOption(
        "--end", "The key behind the last one (exclusive).");

    public void AddTo(Command command)
    {
        command.Options.Add(_prefix);
        command.Options.Add(_start);
        command.Options.Add(_end);
        command.Validators.Add(result =>
        {
            byte[]? start = CommandArguments.KeyOrNull(result, _start);
            byte[]? end = CommandArguments.KeyOrNull(result, _end);
            if (CommandArguments.KeyOrNull(result, _prefix) is not null && (start is not null || end is not null))
            {
                result.AddError("--prefix is a range of its own; leave out --start and --end");
            }
            else if (start is not null && end is { Length: > 0 } && KeyOrder.Instance.Compare(start, end) > 0)
            {
                result.AddError(
                    $"the start {ByteText.Format(start)} lies behind the end {ByteText.Format(end)}; swap them "
                        + "(--reverse turns the order)");
            }
        });
    }

    /// <summary>Whether any of the options is given.</summary>
    public bool IsGiven(CommandResult result) =>
        result.GetResult(_prefix) is { Implicit: false } || result.GetResult(_start) is { Implicit: false }
            || result.GetResult(_end) is { Implicit: false };

    public ScanRange Range(ParseResult parsed)
    {
        if (CommandArguments.KeyOrNull(parsed.CommandResult, _prefix) is { } prefix)
        {
            return ScanRange.OfPrefix(prefix);
        }

        // An empty end is what kvctl prints for a region without one: to the last key.
        byte[]? end = CommandArguments.KeyOrNull(parsed.CommandResult, _end);
        return new ScanRange(
            CommandArguments.KeyOrNull(parsed.CommandResult, _start) ?? [], end is { Length: > 0 } ? end : null);
    }
}
