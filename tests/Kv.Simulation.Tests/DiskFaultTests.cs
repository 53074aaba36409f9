using Kv.Engine.Files;
using Kv.Engine.Log;
using Kv.Simulation.Faults;
using Kv.Store;

namespace Kv.Simulation.Tests;

/// <summary>
/// Every place where the raft log touches the disk fails with every error, on one store of three, while clients write.
/// The sites are those of the code; one that is never crossed fails its case.
/// </summary>
public sealed class DiskFaultTests(ITestOutputHelper output)
{
    private static readonly string[] Errors = ["EIO", "ENOSPC"];

    /// <summary>Met only when a store opens its log; all others are crossed while it serves.</summary>
    private static readonly string[] AtStart =
        [SyncSites.FileOpen, SyncSites.FileRead, SyncSites.FolderList, SyncSites.FolderCreate];

    /// <summary>Crossed by the server's own folder and not by a log; tested with real processes.</summary>
    private static readonly string[] ByServerOnly = [SyncSites.FolderLock, SyncSites.FolderMark];

    public static TheoryData<string> Sites =>
        [.. SyncSites.All.Except(ByServerOnly), .. SimDiskFault.EngineSites];

    [Theory]
    [MemberData(nameof(Sites))]
    public void Disk_FailsAtOneSite_NothingUnsyncedIsPromisedAndTheOthersGoOn(string site)
    {
        for (int i = 0; i < Errors.Length; i++)
        {
            string error = Errors[i];
            bool ofEngine = SimDiskFault.EngineSites.Contains(site);
            SimReport report = Run(51 + (ulong)i, new SimDiskFault(site, error, AtStart.Contains(site)));
            SimDiskFaultReport fault = report.DiskFault!;
            output.WriteLine(
                $"{site} {error}: {fault.Failure?.Message}; {fault.SentAfter} envelopes sent while dying, "
                + $"{fault.PromisesChecked} promises held, {fault.AcknowledgedWithout} writes acknowledged without the "
                + $"store, {report.Acknowledged} in all");

            Assert.True(fault.Failure is not null, $"{site} was never crossed");
            if (!ofEngine)
            {
                StorageException failure = Assert.IsType<StorageException>(fault.Failure);
                Assert.Equal(site, failure.Site);
                Assert.Contains(error, failure.Error, StringComparison.Ordinal);
                Assert.Contains("log", failure.Path, StringComparison.Ordinal);
            }

            Assert.True(report.Problems.Count == 0, $"{site} {error}: {string.Join("; ", report.Problems)}");
            Assert.Equal(0, fault.LateCallCount);
            Assert.True(fault.PromisesChecked > 0, "no promise was compared");
            Assert.True(
                fault.AcknowledgedWithout > 50, $"only {fault.AcknowledgedWithout} writes without the failed store");
        }
    }

    /// <summary>
    /// The log is dead and the store's other loops still run when another store's regions need a new leader: votes it
    /// is asked for cannot be made durable, so none may leave it.
    /// </summary>
    [Theory]
    [InlineData(SyncSites.LogSegmentWrite)]
    [InlineData(SyncSites.LogSegmentSync)]
    public void Disk_FailsBeforeAnElection_NoVoteLeavesTheStore(string site)
    {
        SimReport report = Run(53, new SimDiskFault(site, "EIO", AtStart: false) { DuringElection = true });
        SimDiskFaultReport fault = report.DiskFault!;
        output.WriteLine(
            $"{site}: {fault.VotesAskedAfter} votes asked for, {fault.SentAfter} envelopes sent while dying");

        Assert.NotNull(fault.Failure);
        Assert.True(fault.VotesAskedAfter > 0, "no vote was asked for");
        Assert.True(report.Problems.Count == 0, string.Join("; ", report.Problems));
        Assert.Equal(0, fault.LateCallCount);
        Assert.True(
            fault.AcknowledgedWithout > 50, $"only {fault.AcknowledgedWithout} writes without the failed store");
    }

    private static SimReport Run(ulong seed, SimDiskFault fault) => new SimCluster(new SimOptions
    {
        Seed = seed,
        FaultSeconds = 12,
        Faults = new SortedSet<FaultKind> { FaultKind.MessageLoss },
        Rates = NetworkRates.Usual with { Loss = 0.005 },
        DiskFault = fault,

        // Small segments and a small log: rotation, purge and reuse happen every second.
        Log = new SharedLogOptions
        {
            SegmentBytes = 8 * 1024,
            SparesMax = fault.Site == SyncSites.FileDelete ? 0 : 2,
        },
        Store = StoreOptions.Default with { LogBytesTarget = 32 * 1024, DurableIntervalMs = 200 },
    }).Run();
}
