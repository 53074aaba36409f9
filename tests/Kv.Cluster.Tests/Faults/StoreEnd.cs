using System.Globalization;
using System.Text.RegularExpressions;
using Kv.Ctl.Playground;

namespace Kv.Cluster.Tests.Faults;

/// <summary>How a store's process ended, in its own words.</summary>
internal sealed partial class StoreEnd
{
    private const int LogBytesMax = 512 * 1024;

    private StoreEnd(int exitCode, IReadOnlyList<string> lines)
    {
        ExitCode = exitCode;
        Stopped = lines.LastOrDefault(line => line.Contains("stopped: ", StringComparison.Ordinal)) ?? "";
        Served = lines.Any(line => line.EndsWith(": serving", StringComparison.Ordinal));
        WarnedOfFaults = lines.Any(line => line.Contains("KV_FAULTS is set", StringComparison.Ordinal));
        string crossed = lines.LastOrDefault(line => line.Contains("KV_FAULTS crossings: ", StringComparison.Ordinal))
            ?? "";
        Crossings = SiteCount().Matches(crossed).ToDictionary(
            match => match.Groups[1].Value,
            match => long.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture),
            StringComparer.Ordinal);
        Match late = LateCalls().Match(crossed);
        LateCallCount = late.Success ? long.Parse(late.Groups[1].Value, CultureInfo.InvariantCulture) : null;
    }

    public int ExitCode { get; }

    /// <summary>The one line that says why; empty = there is none.</summary>
    public string Stopped { get; }

    /// <summary>Whether it served clients before.</summary>
    public bool Served { get; }

    public bool WarnedOfFaults { get; }

    /// <summary>How often each site was crossed in that life; only when faults were armed.</summary>
    public IReadOnlyDictionary<string, long> Crossings { get; }

    /// <summary>Writes, allocations and syncs tried on files that had failed; null = not told.</summary>
    public long? LateCallCount { get; }

    /// <summary>Waits for the end and reads the log. Fails when the process still runs after the time.</summary>
    public static async Task<StoreEnd> WaitAsync(LocalStoreProcess store, TimeSpan timeout, string what)
    {
        bool ended = await store.WaitAsync(timeout);
        IReadOnlyList<string> lines = store.LogLines(LogBytesMax);
        Assert.True(
            ended,
            $"{what}: {store.Name} still runs after {timeout.TotalSeconds} s; it said:\n{string.Join('\n', lines)}");
        return new StoreEnd(store.ExitCode!.Value, lines);
    }

    [GeneratedRegex(@"([a-z.]+)=(\d+)")]
    private static partial Regex SiteCount();

    [GeneratedRegex(@"calls to files given up: (\d+)")]
    private static partial Regex LateCalls();
}
