using System.CommandLine;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class ExistsCommand
{
    public static Command Build(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var command = new Command("exists", "Says whether there is a key; exit code 3 when there is none.") { key };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            bool exists = await data.ExistsAsync(keyBytes, cancellationToken);
            context.Print(new Report().Fact("exists", "exists", Cell.Of(exists)));
            return exists ? ExitCode.Success : ExitCode.NotFound;
        });
        return command;
    }
}
