using System.Globalization;
using System.Text;
using Kv.Simulation.Faults;

namespace Kv.Simulation.Runner;

/// <summary>
/// Makes a failing run smaller: leaves out whole kinds of faults, then halves of the schedule, then single faults, as
/// long as the run still fails. The seed stays, and each kind draws from a stream of its own.
/// </summary>
public sealed class Shrinker
{
    private const int RunsMax = 120;

    private readonly ulong _seed;
    private int _runs;
    private SimOptions _smallest;
    private SimReport _report;

    public Shrinker(SimOptions options, SimReport failed)
    {
        _seed = options.Seed;

        // The schedule stays that of the failing run; kinds that are off are not done.
        _smallest = options with { ScheduleKinds = options.Faults };
        _report = failed;
    }

    public string Shrink()
    {
        if (_smallest.BuggifyArmed > 0)
        {
            TryRun(_smallest with { BuggifyArmed = 0 });
        }

        foreach (FaultKind kind in FaultKinds.All)
        {
            if (_smallest.Faults.Contains(kind))
            {
                TryRun(_smallest with { Faults = new SortedSet<FaultKind>(_smallest.Faults.Where(k => k != kind)) });
            }
        }

        LeaveOutHalves();
        return Describe();
    }

    private void LeaveOutHalves()
    {
        for (int size = Math.Max(1, _report.Schedule.Count / 2); size >= 1; size /= 2)
        {
            int[] left = [.. _report.Schedule.Select(f => f.Number).Where(n => !_smallest.LeftOut.Contains(n))];
            for (int at = 0; at < left.Length; at += size)
            {
                var without = new SortedSet<int>(_smallest.LeftOut);
                without.UnionWith(left.Skip(at).Take(size));
                TryRun(_smallest with { LeftOut = without });
            }
        }
    }

    private void TryRun(SimOptions smaller)
    {
        if (_runs >= RunsMax)
        {
            return;
        }

        _runs++;
        SimReport report = new SimCluster(smaller).Run();
        if (report.Problems.Count > 0)
        {
            _smallest = smaller;
            _report = report;
        }
    }

    private string Describe()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"seed {_seed} made smaller in {_runs} runs: {_smallest.Stores} stores, {_smallest.Regions} regions, "
            + $"faults {string.Join(", ", _smallest.Faults)}, code {(_smallest.BuggifyArmed > 0 ? "on" : "off")}");
        foreach (string done in _report.FaultsDone)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    {done}");
        }

        text.Append(CultureInfo.InvariantCulture, $"  first problem then: {_report.Problems[0]}");
        return text.ToString();
    }
}
