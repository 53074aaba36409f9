using System.Globalization;
using System.Text;
using Kv.Simulation.Faults;

namespace Kv.Simulation.Runner;

/// <summary>Runs in words.</summary>
public static class RunText
{
    private const int RecentShown = 200;

    public static string Line(SimReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"seed {report.Seed}: {report.Events} events in {report.SimulatedMs / 1000.0:F0} simulated seconds, "
        + $"{report.Succeeded} of {report.Completed} operations succeeded, {report.Undetermined} undetermined, "
        + $"{report.Elections} elections, {report.LostMessages} of {report.Messages} messages lost, "
        + $"{report.FaultsDone.Count} faults done, trace 0x{report.Hash:x16}");

    public static string Failure(SimReport report)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"seed {report.Seed} FAILED");
        foreach (string problem in report.Problems)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  PROBLEM {problem}");
        }

        text.AppendLine("  faults that struck at a rate:");
        foreach (FaultKind kind in FaultKinds.All)
        {
            if (!kind.IsScheduled() && report.FaultsFired[(int)kind] > 0)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"    {kind}: {report.FaultsFired[(int)kind]}");
            }
        }

        text.AppendLine("  faults of the schedule, as done:");
        foreach (string fault in report.FaultsDone)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    {fault}");
        }

        text.AppendLine("  last events:");
        foreach (string recent in report.RecentEvents.TakeLast(RecentShown))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    {recent}");
        }

        text.Append(CultureInfo.InvariantCulture, $"  replay: --seed {report.Seed}");
        return text.ToString();
    }
}
