using System.Globalization;

namespace Kv.Bench;

/// <summary>CPU time and memory of the measured server processes, from /proc.</summary>
internal sealed class ProcessMeter(IReadOnlyList<int> processIds)
{
    // USER_HZ is 100 on every Linux that .NET runs on.
    private const double MicrosecondsPerClockTick = 10_000;

    public double CpuMicroseconds()
    {
        double total = 0;
        foreach (int id in processIds)
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            total += (double.Parse(fields[11], CultureInfo.InvariantCulture)
                + double.Parse(fields[12], CultureInfo.InvariantCulture)) * MicrosecondsPerClockTick;
        }

        return total;
    }

    public double ResidentMegabytes()
    {
        double total = 0;
        foreach (int id in processIds)
        {
            foreach (string line in File.ReadLines($"/proc/{id}/status"))
            {
                if (line.StartsWith("VmRSS:", StringComparison.Ordinal))
                {
                    total += double.Parse(
                        line.AsSpan(6, line.Length - 9),
                            NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
                        CultureInfo.InvariantCulture) / 1024;
                }
            }
        }

        return total;
    }
}
