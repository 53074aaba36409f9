using Kv.Client;
using Kv.Ctl.Playground;

namespace Kv.Tour;

internal static class Program
{
    private const string Usage =
        """
        usage: Kv.Tour [--keep] [--data FOLDER]
          --keep         leaves the cluster up at the end and prints how to talk to it
          --data FOLDER  where the stores keep their data (default: a new folder under artifacts/tour)
        """;

    public static async Task<int> Main(string[] args)
    {
        if (!TourOptions.TryParse(args, out TourOptions options, out string error))
        {
            await Console.Error.WriteLineAsync($"{error}\n{Usage}");
            return 2;
        }

        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, key) =>
        {
            key.Cancel = true;
            stop.Cancel();
        };
        try
        {
            return await TourRun.RunAsync(options, stop.Token) ? 0 : 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("the tour was stopped");
            return 130;
        }
        catch (Exception cause) when (cause is KvException or LocalClusterException or TourException or IOException)
        {
            await Console.Error.WriteLineAsync($"the tour cannot go on: {cause.Message}");
            return 1;
        }
    }
}
