// Owns many runs: hands seeds to as many threads as asked for, gathers what they did, and prints a failing seed with
// its faults, its last events, and a smaller run that still fails.
using System.Diagnostics;

namespace Kv.Simulation.Runner;

public sealed class SeedRunner(RunSettings settings, TextWriter output)
{
    private const int FailuresPrintedMax = 5;

    private readonly Lock _lock = new();
    private readonly RunSum _sum = new();
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private long _next;
    private int _failuresPrinted;
    private SimReport? _found;

    /// <summary>What all runs did together; read it when <see cref="Run"/> has returned.</summary>
    public RunSum Sum => _sum;

    public int Run()
    {
        TimeSpan cpuBefore = Process.GetCurrentProcess().TotalProcessorTime;
        var threads = new List<Thread>();
        for (int i = 0; i < Math.Max(1, settings.Jobs); i++)
        {
            var thread = new Thread(Work, maxStackSize: 16 * 1024 * 1024);
            threads.Add(thread);
            thread.Start();
        }

        threads.ForEach(static thread => thread.Join());
        _sum.CpuSeconds = (Process.GetCurrentProcess().TotalProcessorTime - cpuBefore).TotalSeconds;
        if (settings.UntilFailure)
        {
            PrintFound();
        }
        else if (_sum.Runs > 1)
        {
            Print(_sum.Describe());
        }

        if (settings.ReportFile is { } file)
        {
            File.WriteAllText(file, _sum.Describe() + Environment.NewLine);
        }

        output.WriteLine($"trace hash 0x{_sum.Hash:x16}");
        return _sum.Failures == 0 ? 0 : 1;
    }

    private void Work()
    {
        while (TakeSeed() is { } seed)
        {
            SimOptions options = settings.OptionsOf(seed);
            SimReport report = new SimCluster(options).Run();
            ulong? again = settings.Twice ? new SimCluster(options).Run().Hash : null;
            lock (_lock)
            {
                _sum.Add(report);
            }

            if (again is { } hash && hash != report.Hash)
            {
                Print($"seed {seed}: trace hash 0x{report.Hash:x16}, then 0x{hash:x16}: something escaped the seed");
                lock (_lock)
                {
                    _sum.AddFailure(seed);
                }
            }

            if (report.Problems.Count > 0 && settings.UntilFailure)
            {
                NoteFound(report);
            }
            else if (report.Problems.Count > 0)
            {
                PrintFailure(options, report);
            }
            else if ((settings.Count == 1 && settings.Minutes == 0) || settings.PrintHashes)
            {
                Print(RunText.Line(report));
            }
        }
    }

    private ulong? TakeSeed()
    {
        lock (_lock)
        {
            if (_found is not null)
            {
                return null;
            }

            bool timed = settings.Minutes > 0;
            if (timed ? _watch.Elapsed.TotalMinutes >= settings.Minutes : _next >= settings.Count)
            {
                return null;
            }

            if (timed && settings.CountGiven && _next >= settings.Count)
            {
                return null;
            }

            return settings.Seed + (ulong)_next++;
        }
    }

    private void NoteFound(SimReport report)
    {
        lock (_lock)
        {
            if (_found is null || report.Seed < _found.Seed)
            {
                _found = report;
            }
        }
    }

    private void PrintFound()
    {
        if (_found is null)
        {
            Print($"found nothing in {_sum.Runs} seeds");
            return;
        }

        ulong seeds = _found.Seed - settings.Seed + 1;
        string problem = _found.Problems[0].Split('\n')[0].TrimEnd();
        Print($"found seed {_found.Seed} after {seeds} seeds: {problem}");
    }

    private void PrintFailure(SimOptions options, SimReport report)
    {
        if (Interlocked.Increment(ref _failuresPrinted) > FailuresPrintedMax)
        {
            Print($"seed {report.Seed} FAILED: {report.Problems[0]}");
            return;
        }

        Print(RunText.Failure(report));
        if (settings.Shrink)
        {
            Print(new Shrinker(options, report).Shrink());
        }
    }

    private void Print(string text)
    {
        lock (_lock)
        {
            output.WriteLine(text);
            output.Flush();
        }
    }
}
