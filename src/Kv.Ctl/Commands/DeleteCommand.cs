using System.CommandLine;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class DeleteCommand
{
    public static Command Build(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var command = new Command("delete", "Deletes a key; that there is none is no error.") { key };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            await data.DeleteAsync(keyBytes, cancellationToken);
            context.Print(new Report().Fact("deleted", "key", Cell.Key(keyBytes)));
            return ExitCode.Success;
        });
        return command;
    }
}
