using System.CommandLine;
using Kv.Ctl.Playground;
using Kv.Ctl.Text;
using Kv.Protocol.V1;

namespace Kv.Ctl.Commands;

internal static class PlaygroundCommand
{
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(60);

    public static Command Build(CommandRunner runner)
    {
        var stores = new Option<int?>("--stores")
        {
            Description = "How many stores: 1, or an odd number up to 9 (default: what the folder has, else 3).",
            HelpName = "n",
            CustomParser = result => CommandArguments.Parse(result, ParseStores),
        };
        var folder = new Option<string>("--data", "-d")
        {
            Description = "Folder for addresses, data and logs; one that has a playground already goes on with it.",
            HelpName = "folder",
            DefaultValueFactory = _ => "playground",
        };
        var command = new Command(
            "playground", "Runs a cluster on this machine until Ctrl-C or SIGTERM.") { stores, folder };
        runner.Attach(command, async (context, cancellationToken) =>
        {
            string program = KvServerProgram.Find(
                AppContext.BaseDirectory, context.Environment.Variable(KvServerProgram.Variable));
            using LocalCluster cluster = LocalCluster.Open(
                context.Parsed.GetRequiredValue(folder), context.Parsed.GetValue(stores), program, extraArguments: []);
            return await RunAsync(cluster, context.Environment, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        LocalCluster cluster, CtlEnvironment environment, CancellationToken cancellationToken)
    {
        Exception? failure = null;
        bool lostStore = false;
        try
        {
            TimeProvider clock = TimeProvider.System;
            long start = clock.GetTimestamp();
            cluster.Start();
            InitResponse founded = await cluster.FoundAsync([], ReadyTimeout, cancellationToken);
            await cluster.WaitReadyAsync(ReadyTimeout, cancellationToken);
            await PrintReadyAsync(cluster, founded, clock.GetElapsedTime(start), environment);
            lostStore = await WatchAsync(cluster, environment, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Asked to stop: that is how a playground ends.
        }
        catch (Exception cause)
        {
            failure = cause;
        }

        await StopAsync(cluster, environment);
        if (failure is not null)
        {
            throw CtlFailures.Explain(failure);
        }

        return lostStore ? ExitCode.Failure : ExitCode.Success;
    }

    private static async Task PrintReadyAsync(
        LocalCluster cluster, InitResponse founded, TimeSpan time, CtlEnvironment environment)
    {
        TextWriter output = environment.Output;
        string seeds = string.Join(',', cluster.Seeds);
        string how = cluster.IsNew ? "founded" : "goes on";
        await output.WriteLineAsync(
            $"cluster {new Base.ClusterId(founded.ClusterId)} {how}: {cluster.Stores.Count} stores up in "
                + $"{DurationText.Format(time)}, data in {cluster.Folder}");
        foreach (LocalStoreProcess store in cluster.Stores)
        {
            await output.WriteLineAsync(
                $"  {store.Name}  client {store.Addresses.Client}  peer {store.Addresses.Peer}  "
                + $"http://{store.Addresses.Http}/status  process {store.ProcessId}  log {store.LogPath}");
        }

        await output.WriteLineAsync(
            $"""

            talk to it from another terminal:
              export {GlobalOptions.SeedsVariable}={seeds}
              kvctl put greeting hello
              kvctl get greeting
              kvctl cluster status
            from C#:
              await using KvClient client = await KvClient.ConnectAsync("{cluster.Seeds[0]}");
            stop it with Ctrl-C or kill {Environment.ProcessId}; the same command goes on with the same data
            """);
        await output.FlushAsync(CancellationToken.None);
    }

    /// <summary>Says when a store ends by itself; returns, true, when all have.</summary>
    private static async Task<bool> WatchAsync(
        LocalCluster cluster, CtlEnvironment environment, CancellationToken cancellationToken)
    {
        bool lost = false;
        var watched = cluster.Stores.ToDictionary(store => store.WaitForExitAsync(cancellationToken));
        try
        {
            while (watched.Count > 0)
            {
                Task ended = await Task.WhenAny(watched.Keys);
                cancellationToken.ThrowIfCancellationRequested();
                watched.Remove(ended, out LocalStoreProcess? store);
                lost = true;
                await environment.Error.WriteLineAsync(
                    $"kvctl: {store!.Name} ended with exit code {store.ExitCode}: "
                        + $"{CtlFailures.OneLine(store.LastLogLine())} "
                    + $"(whole log: {store.LogPath}); run the playground again to start it");
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return lost;
        }

        return lost;
    }

    private static async Task StopAsync(LocalCluster cluster, CtlEnvironment environment)
    {
        IReadOnlyList<LocalStoreProcess> running = await cluster.StopAsync(LocalCluster.StopTimeout);
        if (running.Count == 0)
        {
            await environment.Output.WriteLineAsync($"stopped; data stays in {cluster.Folder}");
            return;
        }

        string names = string.Join(
            ", ", running.Select(store => $"{store.Name} (process {store.ProcessId}, log {store.LogPath})"));
        throw CtlException.Failure(
            $"still running {LocalCluster.StopTimeout.TotalSeconds:0} s after SIGTERM: {names}; end them with kill "
                + "-9, acknowledged writes are safe");
    }

    private static int? ParseStores(string text) =>
        CommandArguments.Number(text, 1, 9) is var count && count % 2 == 1
            ? count
            : throw new FormatException($"'{text}' stores cannot vote; use 1 or an odd number up to 9");
}
