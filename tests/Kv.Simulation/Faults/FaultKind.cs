namespace Kv.Simulation.Faults;

/// <summary>
/// Everything that can go wrong in a simulated world, beside the places in the code (<see cref="Kv.Base.Buggify"/>).
/// A seed turns each on or off. Names appear in reports; keep them.
/// </summary>
public enum FaultKind
{
    // Drawn for every message.
    MessageLoss,
    MessageDuplicate,
    MessageDelay,
    MessageReorder,
    MessageReplay,
    PayloadCorrupt,
    SendRefused,
    ConnectionReset,
    ReplyLost,

    // Drawn for every start.
    PowerCutAfterStart,

    // Drawn ahead of the run, each with a time, a length and victims.
    PartitionHalves,
    PartitionOne,
    PartitionBridge,
    PartitionRing,
    PartitionOneWay,
    ClientsCutOff,
    LinkClog,
    SwizzleClog,
    ProcessKill,
    FastRestart,
    PowerCut,
    PowerCutAll,
    PowerCutMidWrite,
    ProcessPause,
    LongPause,
    SlowCpu,
    ClockRate,
    WallJump,
    SyncError,
    WriteError,
    ShortWrite,
    ReadErrorAtStart,
    EngineWriteError,
    EngineSyncError,
    SlowDisk,
    StuckDisk,
    LeaderTransfer,
    TransferStorm,
    LogBitRot,
    LoopStall,
    RestartBehindCut,
}

/// <summary>What each kind is.</summary>
public static class FaultKinds
{
    public static IReadOnlyList<FaultKind> All { get; } = Enum.GetValues<FaultKind>();

    /// <summary>Kinds that are drawn ahead, with a place in the schedule.</summary>
    public static IReadOnlyList<FaultKind> Scheduled { get; } =
        [.. All.Where(static kind => kind >= FaultKind.PartitionHalves)];

    public static bool IsScheduled(this FaultKind kind) => kind >= FaultKind.PartitionHalves;
}

/// <summary>One fault of the schedule. Victims are numbers that the fault's kind takes modulo what there is.</summary>
public readonly record struct PlannedFault(
    int Number, FaultKind Kind, long AtMs, long LengthMs, int VictimA, int VictimB)
{
    public override string ToString() =>
        $"#{Number} at {AtMs} ms: {Kind} for {LengthMs} ms, victims {VictimA} and {VictimB}";
}
