using System.Globalization;
using Kv.Simulation;

ulong seed = 1;
int count = 1;
for (int i = 0; i + 1 < args.Length; i += 2)
{
    switch (args[i])
    {
        case "--seed":
            seed = ulong.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        case "--count":
            count = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        default:
            Console.Error.WriteLine($"unknown option {args[i]}; known: --seed N, --count N");
            return 2;
    }
}

int failed = 0;
for (int i = 0; i < count; i++)
{
    SimReport report = new SimCluster(new SimOptions { Seed = seed + (ulong)i }).Run();
    Console.WriteLine(
        $"seed {report.Seed}: {report.Events} events, {report.Acknowledged} writes acknowledged, {report.Reads} reads, "
        + $"{report.Undetermined} undetermined, {report.Failed} failed, {report.LostMessages} of "
        + $"{report.Messages} messages lost");
    foreach (string problem in report.Problems)
    {
        Console.WriteLine($"  PROBLEM {problem}");
    }

    failed += report.Problems.Count > 0 ? 1 : 0;
    Console.WriteLine($"trace hash 0x{report.Hash:x16}");
}

return failed == 0 ? 0 : 1;
