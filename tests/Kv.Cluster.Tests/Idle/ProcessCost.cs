using System.Globalization;

namespace Kv.Cluster.Tests.Idle;

/// <summary>What processes have used so far, as the kernel counts it: waiting for a busy CPU is not in it.</summary>
internal static class ProcessCost
{
    // USER_HZ: what /proc counts in on every Linux that .NET runs on.
    private const double TicksPerSecond = 100;

    /// <summary>User plus system time of all threads, in seconds.</summary>
    public static double CpuSeconds(IEnumerable<int> processIds) => processIds.Sum(CpuSeconds);

    /// <summary>
    /// Seconds that the runtime's compiler thread has used: it goes over hot methods once, in the minute after a start.
    /// </summary>
    public static IEnumerable<KeyValuePair<string, double>> CompilerSeconds(IEnumerable<int> processIds) =>
        ByThread(processIds).Where(pair => pair.Key.Contains(".NET Tiered", StringComparison.Ordinal));

    /// <summary>Bytes in memory.</summary>
    public static long ResidentBytes(IEnumerable<int> processIds) => processIds.Sum(ResidentBytes);

    /// <summary>The threads that used most CPU time since <paramref name="before"/>, for people.</summary>
    public static string Busiest(IReadOnlyDictionary<string, double> before, IEnumerable<int> processIds) =>
        string.Join(", ", ByThread(processIds)
            .Select(pair => (pair.Key, Used: pair.Value - before.GetValueOrDefault(pair.Key)))
            .OrderByDescending(pair => pair.Used)
            .Take(8)
            .Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} {pair.Used:0.00} s")));

    public static IReadOnlyDictionary<string, double> ByThread(IEnumerable<int> processIds)
    {
        var threads = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (int id in processIds)
        {
            foreach (string folder in Directory.EnumerateDirectories(
                string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/task")))
            {
                try
                {
                    string name = File.ReadAllText(Path.Combine(folder, "comm")).Trim();
                    threads[$"{id}/{Path.GetFileName(folder)} {name}"] = CpuSeconds(Path.Combine(folder, "stat"));
                }
                catch (IOException)
                {
                    // The thread has just ended.
                }
            }
        }

        return threads;
    }

    private static double CpuSeconds(int processId) =>
        CpuSeconds(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));

    private static double CpuSeconds(string statPath)
    {
        // The name in parentheses may hold blanks; utime and stime are fields 14 and 15.
        string stat = File.ReadAllText(statPath);
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
    }

    private static long ResidentBytes(int processId)
    {
        string line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/status"))
            .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
