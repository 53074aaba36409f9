using System.CommandLine;
using Kv.Client;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class DeleteRangeCommand
{
    public static Command Build(CommandRunner runner)
    {
        var range = new RangeOptions();
        var yes = new Option<bool>("--yes", "-y") { Description = "Deletes the range without asking further." };
        var all = new Option<bool>("--all") { Description = "Deletes every key there is." };
        var command = new Command(
            "delete-range", "Deletes all keys of a range, region by region; sequences stay.");
        range.AddTo(command);
        command.Options.Add(yes);
        command.Options.Add(all);
        command.Validators.Add(result =>
        {
            bool isRange = range.IsGiven(result);
            if (isRange && result.GetValue(all))
            {
                result.AddError("--all is every key; leave out --prefix, --start and --end");
            }
            else if (!isRange && !result.GetValue(all))
            {
                result.AddError("delete-range needs --prefix, --start or --end; to delete every key give --all");
            }
            else if (isRange && !result.GetValue(yes))
            {
                result.AddError(
                    "delete-range deletes for good: look with 'kvctl scan' at the same range, then give --yes");
            }
        });
        runner.Attach(command, async (context, cancellationToken) =>
        {
            ScanRange wanted = range.Range(context.Parsed);
            if (wanted is { Start.Length: 0, End: null } && !context.Parsed.GetValue(all))
            {
                throw CtlException.Usage("this range is every key; give --all instead if that is what you want");
            }

            await using IKvData data = await context.OpenDataAsync(cancellationToken);
            DeleteRangeResult deleted = await data.DeleteRangeAsync(wanted, cancellationToken);
            context.Print(new Report().Fact(
                "deleted in regions", "regions", Cell.Of((ulong)deleted.RegionCount)));
            return ExitCode.Success;
        });
        return command;
    }
}
