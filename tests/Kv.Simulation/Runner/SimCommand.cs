using System.Globalization;

namespace Kv.Simulation.Runner;

/// <summary>The command line: replays one seed, or runs many and sums them up.</summary>
public static class SimCommand
{
    private const string Usage = """
        Runs a simulated cluster from a seed: same seed, same run, to the last event.

          --seed N        first seed (default 1)
          --count N       so many seeds, one after the other (default 1)
          --jobs N        seeds that run side by side (default: one per CPU); the report does not depend on it
          --ticks T       safety phase in ticks of 100 ms (default 400)
          --regions R     user regions (default: drawn)
          --stores S      stores (default: drawn, 3 to 5)
          --twice         runs every seed twice and compares the trace hashes
          --hashes        prints the trace hash of every seed
          --no-shrink     prints a failing seed as it is
          --minutes M     goes on with further seeds for so long
          --report FILE   writes the sum of all runs there as well
          --until-failure stops at the first seed that fails, and prints one line about it
          --canary        plants a fault in the checkers' sight that must be found
        """;

    public static int Run(string[] args)
    {
        var settings = new RunSettings();
        try
        {
            settings = Parse(args);
        }
        catch (FormatException e)
        {
            Console.Error.WriteLine(e.Message);
            Console.Error.WriteLine(Usage);
            return 2;
        }

        return settings.ShowUsage ? ShowUsage() : new SeedRunner(settings, Console.Out).Run();
    }

    private static int ShowUsage()
    {
        Console.WriteLine(Usage);
        return 0;
    }

    private static RunSettings Parse(string[] args)
    {
        var settings = new RunSettings();
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i];
            string Value() => i + 1 < args.Length
                ? args[++i]
                : throw new FormatException($"{name} wants a value");
            settings = name switch
            {
                "--seed" => settings with { Seed = Number(name, Value()) },
                "--count" => settings with { Count = (long)Number(name, Value()), CountGiven = true },
                "--jobs" => settings with { Jobs = (int)Number(name, Value()) },
                "--ticks" => settings with { Ticks = (int)Number(name, Value()) },
                "--regions" => settings with { Regions = (int)Number(name, Value()) },
                "--stores" => settings with { Stores = (int)Number(name, Value()) },
                "--minutes" => settings with { Minutes = (int)Number(name, Value()) },
                "--report" => settings with { ReportFile = Value() },
                "--twice" => settings with { Twice = true },
                "--hashes" => settings with { PrintHashes = true },
                "--no-shrink" => settings with { Shrink = false },
                "--until-failure" => settings with { UntilFailure = true },
                "--canary" => settings with { Canary = true },
                "--help" or "-h" => settings with { ShowUsage = true },
                _ => throw new FormatException($"unknown option {name}"),
            };
        }

        return settings;
    }

    private static ulong Number(string name, string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw new FormatException($"{name} wants a whole number, not \"{text}\"");
}

/// <summary>What the command line asked for.</summary>
public sealed record RunSettings
{
    public ulong Seed { get; init; } = 1;

    public long Count { get; init; } = 1;

    public bool CountGiven { get; init; }

    public int Jobs { get; init; } = Environment.ProcessorCount;

    public int Ticks { get; init; } = 400;

    public int? Regions { get; init; }

    public int? Stores { get; init; }

    public int Minutes { get; init; }

    public string? ReportFile { get; init; }

    public bool Twice { get; init; }

    public bool PrintHashes { get; init; }

    public bool Shrink { get; init; } = true;

    public bool UntilFailure { get; init; }

    public bool Canary { get; init; }

    public bool ShowUsage { get; init; }

    public SimOptions OptionsOf(ulong seed) =>
        SimOptions.Draw(seed, Stores, Regions, Math.Max(1, Ticks / 10)) with { Canary = Canary };
}
