using System.Globalization;

namespace Kv.Bench;

internal sealed record BenchOptions
{
    public const string Usage =
        "usage: Kv.Bench [--regions 8] [--keys 100000] [--value 256] [--seconds 5] [--concurrency 1,64,256] "
        + "[--kinds put,get,scan] "
        + "[--data FOLDER] [--json FILE] [--etcd host:port,... --pids N,...]";

    public int Regions { get; private init; } = 8;

    public int Keys { get; private init; } = 100_000;

    public int ValueBytes { get; private init; } = 256;

    public int Seconds { get; private init; } = 5;

    public IReadOnlyList<int> Concurrency { get; private init; } = [1, 64, 256];

    public IReadOnlyList<LoadKind> Kinds { get; private init; } = [LoadKind.Put, LoadKind.Get, LoadKind.Scan];

    public string? Folder { get; private init; }

    public string? JsonPath { get; private init; }

    public IReadOnlyList<string> Etcd { get; private init; } = [];

    public IReadOnlyList<int> ProcessIds { get; private init; } = [];

    public static BenchOptions Parse(string[] args)
    {
        var options = new BenchOptions();
        for (int i = 0; i < args.Length; i += 2)
        {
            string value = i + 1 < args.Length ? args[i + 1]
                : throw new ArgumentException($"{args[i]} needs a value; {Usage}");
            options = args[i] switch
            {
                "--regions" => options with { Regions = Number(value, 1, 200) },
                "--keys" => options with { Keys = Number(value, 1_000, 100_000_000) },
                "--value" => options with { ValueBytes = Number(value, 64, 1 << 20) },
                "--seconds" => options with { Seconds = Number(value, 1, 3_600) },
                "--concurrency" => options with { Concurrency = Numbers(value) },
                "--kinds" => options with { Kinds =
                    [.. value.Split(',').Select(kind => Enum.Parse<LoadKind>(kind, ignoreCase: true))] },
                "--data" => options with { Folder = value },
                "--json" => options with { JsonPath = value },
                "--etcd" => options with { Etcd = value.Split(',') },
                "--pids" => options with { ProcessIds = Numbers(value) },
                _ => throw new ArgumentException($"unknown option {args[i]}; {Usage}"),
            };
        }

        return options;
    }

    private static int Number(string text, int min, int max) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int value) && value >= min && value <= max
            ? value
            : throw new ArgumentException($"{text} is not a number from {min} to {max}; {Usage}");

    private static int[] Numbers(string text) => [.. text.Split(',').Select(part => Number(part, 1, int.MaxValue))];
}
