using System.CommandLine;
using System.CommandLine.Parsing;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Ctl.Text;

namespace Kv.Ctl.Commands;

/// <summary>The options that every command takes.</summary>
internal sealed class GlobalOptions
{
    public const string SeedsVariable = "KVCTL_SEEDS";

    public const string DefaultSeed = "127.0.0.1:7400";

    private readonly Option<string[]> _seeds;
    private readonly Option<OutputFormat> _output;
    private readonly Option<TimeSpan> _timeout;

    public GlobalOptions(CtlEnvironment environment)
    {
        _seeds = new Option<string[]>("--seeds", "-s")
        {
            Description = $"Client addresses of stores to ask first, parted by commas (default: {SeedsVariable}, "
                + $"else {DefaultSeed}).",
            HelpName = "host:port,...",
            Arity = ArgumentArity.ExactlyOne,
            Recursive = true,
            CustomParser = result => ParseSeeds(result, result.Tokens[^1].Value),
            DefaultValueFactory = result => ParseSeeds(
                result, environment.Variable(SeedsVariable) is { Length: > 0 } seeds ? seeds : DefaultSeed),
        };
        _output = new Option<OutputFormat>("--output", "-o")
        {
            Description = "How to print: table, json or plain (default: table on a terminal, else plain).",
            HelpName = "table|json|plain",
            Recursive = true,
            CustomParser = ParseFormat,
            DefaultValueFactory = _ => environment.IsOutputTerminal ? OutputFormat.Table : OutputFormat.Plain,
        };
        _timeout = new Option<TimeSpan>("--timeout")
        {
            Description = "Most time for one operation, retries included: 250ms, 10s, 2m (default: 10s).",
            HelpName = "time",
            Recursive = true,
            CustomParser = result => CommandArguments.Parse(result, DurationText.Parse),
            DefaultValueFactory = _ => TimeSpan.FromSeconds(10),
        };
    }

    public void AddTo(RootCommand root)
    {
        root.Options.Add(_seeds);
        root.Options.Add(_output);
        root.Options.Add(_timeout);
    }

    public ConnectionSettings Connection(ParseResult parsed) =>
        new(parsed.GetRequiredValue(_seeds), parsed.GetValue(_timeout));

    public OutputFormat Format(ParseResult parsed) => parsed.GetValue(_output);

    private static string[] ParseSeeds(ArgumentResult result, string text)
    {
        string[] seeds = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (string seed in seeds)
        {
            if (!CommandArguments.IsAddress(seed))
            {
                result.AddError($"seed '{seed}' is not of the form host:port, such as {DefaultSeed}");
            }
        }

        if (seeds.Length == 0)
        {
            result.AddError($"no seed is given; name at least one, such as {DefaultSeed}");
        }

        return seeds;
    }

    private static OutputFormat ParseFormat(ArgumentResult result)
    {
        switch (result.Tokens[^1].Value)
        {
            case "table":
                return OutputFormat.Table;
            case "json":
                return OutputFormat.Json;
            case "plain":
                return OutputFormat.Plain;
            default:
                result.AddError($"'{result.Tokens[^1].Value}' is no output format; use table, json or plain");
                return OutputFormat.Plain;
        }
    }
}
