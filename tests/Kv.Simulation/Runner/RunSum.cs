using System.Globalization;
using System.Text;
using Kv.Simulation.Faults;

namespace Kv.Simulation.Runner;

/// <summary>What many runs did together. Not safe for several threads.</summary>
public sealed class RunSum
{
    private readonly List<ulong> _failed = [];
    private readonly List<long> _completed = [];
    private readonly List<double> _succeeded = [];
    private readonly List<double> _seconds = [];
    private readonly long[] _faults = new long[FaultKinds.All.Count];
    private readonly SortedDictionary<string, long> _places = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _byKind = new(StringComparer.Ordinal);
    private long _events;
    private long _elections;
    private long _leaseTurns;
    private long _promises;
    private long _operations;
    private long _judged;

    public long Runs { get; private set; }

    public int Failures => _failed.Count;

    /// <summary>Does not depend on the order in which runs are added.</summary>
    public ulong Hash { get; private set; }

    public double CpuSeconds { get; set; }

    public double MedianCompleted => _completed.Count == 0 ? 0 : _completed.Order().ElementAt(_completed.Count / 2);

    public IEnumerable<FaultKind> FaultsThatNeverStruck() => FaultKinds.All.Where(kind => _faults[(int)kind] == 0);

    public void AddFailure(ulong seed) => _failed.Add(seed);

    public void Add(SimReport report)
    {
        Runs++;
        Hash ^= Runs == 1 ? report.Hash : report.Hash * (report.Seed | 1);
        if (report.Problems.Count > 0)
        {
            _failed.Add(report.Seed);
        }

        _completed.Add(report.Completed);
        _succeeded.Add(report.Completed == 0 ? 0 : (double)report.Succeeded / report.Completed);
        _seconds.Add(report.SimulatedMs / 1000.0);
        _events += report.Events;
        _elections += report.Elections;
        _leaseTurns += report.LeaseTurns;
        _promises += report.Promises;
        _operations += report.Completed;
        _judged += report.Judged;
        for (int i = 0; i < _faults.Length; i++)
        {
            _faults[i] += report.FaultsFired[i];
        }

        foreach ((string kind, long count) in report.ByKind)
        {
            _byKind[kind] = _byKind.GetValueOrDefault(kind) + count;
        }

        foreach ((string place, long count) in report.Buggified)
        {
            _places[place] = _places.GetValueOrDefault(place) + count;
        }
    }

    public string Describe()
    {
        var text = new StringBuilder();
        double simulated = _seconds.Sum();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{Runs} seeds, {Failures} failed, {simulated / 3600:F2} simulated hours in {CpuSeconds:F0} CPU seconds: "
            + $"{simulated / Math.Max(0.001, CpuSeconds):F0} simulated seconds per core-second");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{_operations} operations ({_judged} of single keys judged), {_events} events, {_elections} elections, "
            + $"{_leaseTurns} turns under a lease, {_promises} promises compared with durable logs");
        text.AppendLine(Distribution("simulated seconds of a run", _seconds, "F0"));
        text.AppendLine(Distribution("operations completed in a run", [.. _completed.Select(n => (double)n)], "F0"));
        text.AppendLine(Distribution("share of them that succeeded", _succeeded, "F3"));
        text.AppendLine("operations, by kind and end:");
        foreach ((string kind, long count) in _byKind)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {kind,-32} {count}");
        }

        text.AppendLine("faults, by kind:");
        foreach (FaultKind kind in FaultKinds.All)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {kind,-20} {_faults[(int)kind]}");
        }

        text.AppendLine("rarer ways taken in the code, by place:");
        foreach ((string place, long count) in _places)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {place,-32} {count}");
        }

        if (_failed.Count > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"failed seeds: {string.Join(", ", _failed.Take(100))}");
        }

        return text.ToString().TrimEnd();
    }

    private static string Distribution(string name, List<double> values, string format)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        string At(double share) =>
            sorted[(int)Math.Min(sorted.Length - 1, share * sorted.Length)]
                .ToString(format, CultureInfo.InvariantCulture);
        return $"{name}: least {At(0)}, p10 {At(0.1)}, median {At(0.5)}, p90 {At(0.9)}, most {At(1)}";
    }
}
