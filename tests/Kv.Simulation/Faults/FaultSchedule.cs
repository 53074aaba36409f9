using Kv.Base;

namespace Kv.Simulation.Faults;

/// <summary>Draws the faults of a run ahead of it: a pure function of options and seed.</summary>
public static class FaultSchedule
{
    private const int FirstAtMs = 2_000;

    public static IReadOnlyList<PlannedFault> Draw(SimOptions options, DeterministicRandom random)
    {
        List<FaultKind> kinds = [.. FaultKinds.Scheduled.Where((options.ScheduleKinds ?? options.Faults).Contains)];
        var faults = new List<PlannedFault>();
        long endMs = options.FaultSeconds * 1_000L;
        long atMs = FirstAtMs;
        while (kinds.Count > 0)
        {
            // Exponential distances: bursts as well as quiet stretches.
            atMs += (long)(-Math.Log(1 - random.NextDouble()) * options.FaultIntervalMs);
            if (atMs >= endMs)
            {
                break;
            }

            FaultKind kind = kinds[random.Next(kinds.Count)];
            faults.Add(new PlannedFault(
                faults.Count, kind, atMs, DrawLengthMs(kind, random), random.Next(1 << 16), random.Next(1 << 16)));
        }

        return faults;
    }

    private static long DrawLengthMs(FaultKind kind, DeterministicRandom random) => kind switch
    {
        FaultKind.FastRestart => random.Next(20, 400),
        FaultKind.ProcessPause => random.Next(100, 2_500),
        FaultKind.LongPause => random.Next(2_500, 15_000),
        FaultKind.LinkClog => random.Next(50, 3_000),
        FaultKind.ClockRate or FaultKind.WallJump or FaultKind.LeaderTransfer => 0,
        FaultKind.StuckDisk => random.Next(500, 12_000),
        FaultKind.SlowDisk or FaultKind.SlowCpu => random.Next(500, 8_000),
        FaultKind.ProcessKill or FaultKind.PowerCut or FaultKind.PowerCutAll or FaultKind.PowerCutMidWrite =>
            random.Next(100, 6_000),
        FaultKind.SyncError or FaultKind.WriteError or FaultKind.ShortWrite or FaultKind.ReadErrorAtStart
            or FaultKind.EngineWriteError or FaultKind.EngineSyncError => random.Next(200, 6_000),
        FaultKind.RestartBehindCut => random.Next(2_500, 8_000),
        FaultKind.LoopStall => random.Next(200, 6_000),
        _ => random.Next(300, 8_000),
    };
}
