using System.CommandLine;
using Kv.Client;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class SequenceCommands
{
    public static Command Build(CommandRunner runner) =>
        new("sequence", "Numbers that are handed out once each, from 0 on, by key.")
        {
            Next(runner),
            Get(runner),
            Reset(runner),
        };

    private static Command Next(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        Option<long> count = Number("--count", 1, "How many numbers");
        var command = new Command("next", "Takes the next numbers: from start to before end.") { key, count };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            SequenceBlock block = await data.NextSequenceAsync(
                keyBytes, context.Parsed.GetValue(count), cancellationToken);
            context.Print(new Report()
                .Fact("start", "start", Cell.Id((ulong)block.Start))
                .Fact("end", "end", Cell.Id((ulong)block.End)));
            return ExitCode.Success;
        });
        return command;
    }

    private static Command Get(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var command = new Command("get", "Prints the number that is handed out next, and takes none.") { key };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            long next = await data.GetSequenceAsync(keyBytes, cancellationToken);
            context.Print(new Report().Fact("next", "next", Cell.Id((ulong)next)));
            return ExitCode.Success;
        });
        return command;
    }

    private static Command Reset(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        Option<long> to = Number("--to", 0, "The number to go on at");
        var command = new Command("reset", "Lets it go on at another number, handed out before or not.") { key, to };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            long next = context.Parsed.GetValue(to);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            long before = await data.ResetSequenceAsync(keyBytes, next, cancellationToken);
            context.Print(new Report()
                .Fact("next", "next", Cell.Id((ulong)next))
                .Fact("before", "before", Cell.Id((ulong)before)));
            return ExitCode.Success;
        });
        return command;
    }

    private static Option<long> Number(string name, long least, string description) => new(name)
    {
        Description = $"{description} (default: {least}).",
        HelpName = "n",
        DefaultValueFactory = _ => least,
        CustomParser = result =>
            CommandArguments.Parse(result, text => CommandArguments.Number(text, least, long.MaxValue)),
    };
}
