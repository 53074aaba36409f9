namespace Kv.Simulation;

/// <summary>A disk of the first store that begins to fail while clients write, and goes on failing there.</summary>
/// <param name="Site">A name of <c>SyncSites</c>, or one of the engine's below.</param>
/// <param name="Error">The error's name, such as EIO.</param>
/// <param name="AtStart">The store crashes first and the fault meets its next start.</param>
public sealed record SimDiskFault(string Site, string Error, bool AtStart)
{
    /// <summary>
    /// Another store crashes with the disk, so that this one is asked for votes it cannot make durable.
    /// </summary>
    public bool DuringElection { get; init; }

    /// <summary>The engine cannot write a batch.</summary>
    public const string EngineWrite = "engine.write";

    /// <summary>The engine cannot sync its write-ahead log.</summary>
    public const string EngineSync = "engine.sync";

    /// <summary>The engine's sites: they have no place in <c>SyncSites</c>, since its files are its own.</summary>
    public static IReadOnlyList<string> EngineSites { get; } = [EngineWrite, EngineSync];
}

/// <summary>What a disk fault did.</summary>
/// <param name="Failure">What ended the store; null = the site was never crossed.</param>
/// <param name="AcknowledgedWithout">Writes acknowledged from the failure until the store came back.</param>
/// <param name="SentAfter">Envelopes that its other loops still sent before the process was gone.</param>
/// <param name="VotesAskedAfter">Votes it was asked for in that time.</param>
/// <param name="PromisesChecked">Acknowledgements and votes compared with what a power cut left.</param>
/// <param name="LateCallCount">Calls to a file that had failed before.</param>
public sealed record SimDiskFaultReport(
    Exception? Failure, long AcknowledgedWithout, long SentAfter, long VotesAskedAfter,
    long PromisesChecked, long LateCallCount);
