using System.Diagnostics;
using System.Globalization;
using Kv.Base;
using Kv.Client;
using Kv.Testing.History;

namespace Kv.Cluster.Tests.Histories;

/// <summary>
/// The promises of operations on one key, judged from outside: what the clients of a real cluster called and were told,
/// while its stores are killed and stopped, must have a linearization.
/// </summary>
public sealed class HistoryTests(ITestOutputHelper output)
{
    /// <summary>One operation at a time each, so this bounds what is concurrent on a key.</summary>
    private const int Clients = 10;

    private const int Regions = 6;

    /// <summary>
    /// Writes of unknown outcome make long windows dear: with these, 50,000 operations use a hundredth of the budget.
    /// </summary>
    private const int WindowOperations = 500;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Clients differ in what they do when a store says nothing: wait as by default; ask the same store again and again
    /// with new operations that soon give up, so that a store that wakes is asked first and many outcomes stay unknown;
    /// or ask everywhere at once with the same operation.
    /// </summary>
    private static readonly (int OperationMs, int AttemptMs)[] Tempers =
        [(10_000, 1_500), (500, 30_000), (2_500, 300), (500, 30_000)];

    /// <summary>Operations with an answer; <c>eng/soak.sh history</c> asks for more.</summary>
    private static int Operations => (int)Variable("KV_TEST_HISTORY", 3_000);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ClientsOnSharedKeys_StoresKilledAndPaused_HistoryIsLinearizable()
    {
        ulong seed = Variable("KV_TEST_SEED", (ulong)Environment.TickCount64);
        output.WriteLine($"seed {seed} (KV_TEST_SEED), {Operations} operations (KV_TEST_HISTORY)");
        var random = new DeterministicRandom(seed);
        var history = new SharedHistory();
        await using TestCluster cluster = await TestCluster.StartAsync(regions: Regions);
        var faults = new HistoryFaults(cluster, random.Fork());
        string path = Path.Combine(
            Directory.CreateDirectory(Programs.ResultsFolder).FullName,
            string.Create(CultureInfo.InvariantCulture, $"history-{seed}.txt"));
        try
        {
            await RunAsync(cluster, faults, history, random);
        }
        finally
        {
            await File.WriteAllTextAsync(path, HistoryText.Print(history.Operations()), CancellationToken.None);
        }

        output.WriteLine(history.Table());
        output.WriteLine(
            $"{faults.Kills} kills, {faults.LongPauses} pauses beyond the lease, {faults.ShortPauses} shorter ones, "
            + $"{Seconds(history.Now)} s");

        LinearizabilityVerdict verdict = Judge(path, history.Operations().Count);
        Assert.True(history.Problems().Count == 0, $"seed {seed}: {string.Join('\n', history.Problems().Take(10))}");
        Assert.True(verdict.IsLinearizable, $"seed {seed}: {verdict}");
        Assert.Empty(history.KindsWithoutAnswer());
        Assert.True(history.Sum(CallEnd.Unknown) > 0, "no outcome was unknown: the run shows little");
    }

    private static ulong Variable(string name, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out ulong number)
            ? number
            : otherwise;

    private static string Seconds(long ticks) =>
        Stopwatch.GetElapsedTime(0, ticks).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);

    private static async Task RunAsync(
        TestCluster cluster, HistoryFaults faults, SharedHistory history, DeterministicRandom random)
    {
        var clients = new List<HistoryClient>();
        try
        {
            for (int i = 0; i <= Clients; i++)
            {
                clients.Add(await ConnectAsync(cluster, i, history, random.Fork()));
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            Task[] running = [.. clients[..Clients].Select(
                client => Task.Run(() => client.RunAsync(stop.Token), CancellationToken.None))];
            try
            {
                await BreakAsync(faults, history, Task.WhenAny(running));
            }
            finally
            {
                await stop.CancelAsync();
                await Task.WhenAll(running);
            }

            await cluster.WaitReadyAsync();
            await clients[^1].ReadAllAsync();
        }
        finally
        {
            foreach (HistoryClient client in clients)
            {
                await client.DisposeAsync();
            }
        }
    }

    /// <summary>
    /// Seeds differ too: a client that knows one store begins there. The last client is patient, for the end.
    /// </summary>
    private static async Task<HistoryClient> ConnectAsync(
        TestCluster cluster, int number, SharedHistory history, DeterministicRandom random)
    {
        (int operationMs, int attemptMs) = Tempers[number == Clients ? 0 : number % Tempers.Length];
        KvClient client = await KvClient.ConnectAsync(
            new KvClientOptions
            {
                Seeds = [.. cluster.Seeds.Skip(number % cluster.Seeds.Count), .. cluster.Seeds],
                OperationTimeout = TimeSpan.FromMilliseconds(operationMs),
                AttemptTimeout = TimeSpan.FromMilliseconds(attemptMs),
            },
            Token);
        return new HistoryClient(number, client, random, history);
    }

    /// <summary>
    /// Goes on until there are enough answers and, for each thousand of them, a kill and half a pause beyond the lease.
    /// </summary>
    private static async Task BreakAsync(HistoryFaults faults, SharedHistory history, Task ended)
    {
        long answered = 0;
        long since = Stopwatch.GetTimestamp();
        int kills = Math.Max(3, Operations / 1_000);
        int pauses = Math.Max(2, Operations / 2_000);
        while (history.Answered < Operations || faults.Kills < kills || faults.LongPauses < pauses)
        {
            await faults.NextAsync();
            Assert.False(ended.IsCompleted, "a client ended early");
            if (history.Answered > answered)
            {
                answered = history.Answered;
                since = Stopwatch.GetTimestamp();
            }

            Assert.True(
                Stopwatch.GetElapsedTime(since) < Patience,
                $"no answer for {Patience.TotalSeconds} s\n{history.Table()}");
        }
    }

    /// <summary>What is judged is what can be read from the file, so that a verdict can be had again from it.</summary>
    private LinearizabilityVerdict Judge(string path, int count)
    {
        HistoryOperation[] operations = HistoryText.Parse(File.ReadAllText(path));
        Assert.Equal(count, operations.Length);
        long began = Stopwatch.GetTimestamp();
        var checker = new LinearizabilityChecker(windowOperationsMin: WindowOperations);
        LinearizabilityVerdict verdict = checker.Check(operations);
        int unknown = operations.Count(operation => operation.Outcome is OperationOutcome.Unknown);
        output.WriteLine(
            $"{operations.Length} operations by key, {unknown} of them of unknown outcome, judged in "
            + $"{Seconds(Stopwatch.GetTimestamp() - began)} s ({verdict.Steps} steps): {path}");
        return verdict;
    }
}
