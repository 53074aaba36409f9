using System.CommandLine;
using Kv.Ctl.Data;
using Kv.Ctl.Output;

namespace Kv.Ctl.Commands;

internal static class StoreCommands
{
    public static Command Build(CommandRunner runner)
    {
        var list = new Command("list", "Lists the stores with their state, addresses and load.");
        runner.Attach(list, async (context, cancellationToken) =>
        {
            await using IKvAdministration admin = context.OpenAdministration();
            context.Print(AdminReports.Stores(await admin.StoreListAsync(cancellationToken)));
            return ExitCode.Success;
        });
        return new Command("store", "Shows stores.") { list };
    }
}
