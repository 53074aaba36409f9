using System.CommandLine;
using Kv.Client;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class DeleteCommand
{
    public static Command Build(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var expected = new ExpectOptions();
        var command = new Command(
            "delete", "Deletes a key; that there is none is no error. Exit code 5 when it is not as expected.") { key };
        expected.AddTo(command, mayBeAbsent: false);
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            if (expected.Of(context.Parsed) is { } condition)
            {
                ConditionalReceipt receipt = await data.DeleteIfAsync(keyBytes, condition, cancellationToken);
                if (!receipt.Applied)
                {
                    throw ExpectOptions.Failure(keyBytes, receipt);
                }
            }
            else
            {
                await data.DeleteAsync(keyBytes, cancellationToken);
            }

            context.Print(new Report().Fact("deleted", "key", Cell.Key(keyBytes)));
            return ExitCode.Success;
        });
        return command;
    }
}
