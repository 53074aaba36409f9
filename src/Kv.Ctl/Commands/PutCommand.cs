using System.CommandLine;
using Kv.Client;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class PutCommand
{
    public static Command Build(CommandRunner runner)
    {
        Argument<byte[]> key = CommandArguments.Key();
        var value = new ValueInput();
        var expected = new ExpectOptions();
        var command = new Command("put", "Sets a key to a value; exit code 5 when it is not as expected.") { key };
        value.AddTo(command);
        expected.AddTo(command, mayBeAbsent: true);
        runner.Attach(command, async (context, cancellationToken) =>
        {
            byte[] keyBytes = context.Parsed.GetRequiredValue(key);
            byte[] bytes = await value.ReadAsync(context, cancellationToken);
            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            var report = new Report().Fact("put", "key", Cell.Key(keyBytes));
            if (expected.Of(context.Parsed) is { } condition)
            {
                ConditionalReceipt receipt = await data.PutIfAsync(keyBytes, condition, bytes, cancellationToken);
                if (!receipt.Applied)
                {
                    throw ExpectOptions.Failure(keyBytes, receipt);
                }

                report.Fact("revision", "revision", Cell.Id(receipt.Revision));
            }
            else
            {
                await data.PutAsync(keyBytes, bytes, cancellationToken);
            }

            context.Print(report);
            return ExitCode.Success;
        });
        return command;
    }
}
