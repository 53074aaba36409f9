using System.CommandLine;
using Kv.Client;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class GetPutCommand
{
    public static Command Build(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var value = new ValueInput();
        var command = new Command("getput", "Sets a key to a value and prints what it held before.") { key };
        value.AddTo(command);
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            byte[] bytes = await value.ReadAsync(context, cancellationToken);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            ValueWithRevision? before = await data.GetAndPutAsync(keyBytes, bytes, cancellationToken);
            context.Print(new Report()
                .Fact("put", "key", Cell.Key(keyBytes))
                .Fact("existed before", "existed", Cell.Of(before is not null))
                .Fact("value before", "value", before is { } old ? Cell.Key(old.Value) : Cell.None)
                .Fact("revision before", "revision", before is { } one ? Cell.Id(one.Revision) : Cell.None));
            return ExitCode.Success;
        });
        return command;
    }
}
