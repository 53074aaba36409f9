using System.CommandLine;
using Google.Protobuf;
using Kv.Ctl.Data;
using Kv.Ctl.Output;
using Kv.Protocol.V1;

namespace Kv.Ctl.Commands;

internal static class RegionCommands
{
    private const uint PageRegions = 1000;

    public static Command Build(CommandRunner runner) =>
        new("region", "Shows regions and moves their leaders.")
        {
            BuildList(runner), BuildShow(runner), BuildTransfer(runner),
        };

    private static Command BuildList(CommandRunner runner)
    {
        Option<byte[]?> start = CommandArguments.KeyOption("--start", "From the region on that holds this key.");
        var limit = new Option<long>("--limit", "-n")
        {
            Description = "Most regions; 0 is all (default: 0).",
            HelpName = "n",
            CustomParser = result =>
                CommandArguments.Parse(result, text => CommandArguments.Number(text, 0L, uint.MaxValue)),
        };
        var command = new Command("list", "Lists regions in the order of their keys.") { start, limit };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            await using IKvAdministration admin = context.OpenAdministration();
            context.Print(AdminReports.Regions(await ListAsync(
                admin, context.Parsed.GetValue(start) ?? [], context.Parsed.GetValue(limit), cancellationToken)));
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task<List<RegionStatus>> ListAsync(
        IKvAdministration admin, byte[] start, long limit, CancellationToken cancellationToken)
    {
        var regions = new List<RegionStatus>();
        ByteString next = ByteString.CopyFrom(start);
        while (true)
        {
            long left = limit == 0 ? PageRegions : Math.Min(PageRegions, limit - regions.Count);
            RegionListResponse page = await admin.RegionListAsync(
                new RegionListRequest { StartKey = next, Limit = (uint)left }, cancellationToken);
            regions.AddRange(page.Regions);
            if (!page.More || (limit > 0 && regions.Count >= limit))
            {
                return regions;
            }

            if (page.NextKey.Span.SequenceCompareTo(next.Span) <= 0)
            {
                throw CtlException.Failure("a store answered a page of regions that does not go on; see its log");
            }

            next = page.NextKey;
        }
    }

    private static Command BuildShow(CommandRunner runner)
    {
        Argument<ulong> region = CommandArguments.Id("region", "The region's id.");
        var command = new Command("show", "Shows one region as its leader sees it.") { region };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            await using IKvAdministration admin = context.OpenAdministration();
            context.Print(AdminReports.Region(
                await admin.RegionShowAsync(context.Parsed.GetRequiredValue(region), cancellationToken)));
            return ExitCode.Success;
        });
        return command;
    }

    private static Command BuildTransfer(CommandRunner runner)
    {
        Argument<ulong> region = CommandArguments.Id("region", "The region's id.");
        Argument<ulong> store = CommandArguments.Id("store", "The id of the store whose peer shall lead.");
        var command = new Command(
            "transfer-leader", "Makes another store's peer the region's leader.") { region, store };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            ulong regionId = context.Parsed.GetRequiredValue(region);
            await using IKvAdministration admin = context.OpenAdministration();
            context.Print(AdminReports.Transferred(regionId, await admin.TransferLeaderAsync(
                regionId, context.Parsed.GetRequiredValue(store), cancellationToken)));
            return ExitCode.Success;
        });
        return command;
    }
}
