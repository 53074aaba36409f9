// Owns a run in which one store's disk begins to fail: the loop that met the failure is gone at once, the others run on
// for a while, then the process ends and the machine loses everything that was not synced; later the store comes back
// on a disk that works.
using Kv.Engine;
using Kv.Engine.Files;

namespace Kv.Simulation;

public sealed partial class SimCluster
{
    private const long DiskFailsAfterMs = 4_000;
    private const long DyingMs = 1_000;
    private const long AwayMs = 3_000;
    private const long ElectionMs = 4_000;
    private const long OtherAwayMs = 2_500;

    private Exception? _diskFailure;
    private long _acknowledgedAtFailure;
    private long _acknowledgedWithout;
    private long _sentAtFailure;
    private long _sentAfter;
    private long _votesAskedAtFailure;
    private long _votesAskedAfter;

    private void ScheduleDiskFault()
    {
        if (_options.DiskFault is not { } fault)
        {
            return;
        }

        SimStore victim = _stores[0];
        _events.At(_clock.Now.PlusMs(DiskFailsAfterMs), $"disk of {victim.Id} fails", () =>
        {
            if (!fault.AtStart)
            {
                victim.FailDisk(fault);
                return;
            }

            victim.End(LifeEnd.PowerCut);
            victim.FailDisk(fault);
            try
            {
                victim.Start();
            }
            catch (Exception e) when (e is StorageException or EngineException)
            {
                OnNamedDiskFailed(victim, e);
            }
        });
    }

    private void OnNamedDiskFailed(SimStore victim, Exception failure)
    {
        if (_diskFailure is not null)
        {
            return;
        }

        _diskFailure = failure;
        _acknowledgedAtFailure = CountAcknowledged();
        _sentAtFailure = victim.Sent;
        _votesAskedAtFailure = victim.VotesAsked;
        long dyingMs = DyingMs;
        if (_options.DiskFault!.DuringElection)
        {
            dyingMs = ElectionMs;
            SimStore other = _stores[1];
            other.End(LifeEnd.PowerCut);
            _events.At(_clock.Now.PlusMs(OtherAwayMs), $"{other.Id} comes back", other.Start);
        }

        _events.At(_clock.Now.PlusMs(dyingMs), $"process of {victim.Id} ends", () =>
        {
            _sentAfter = victim.Sent - _sentAtFailure;
            _votesAskedAfter = victim.VotesAsked - _votesAskedAtFailure;
            victim.End(LifeEnd.PowerCutToDurable);
            victim.HealDisk();
        });
        _events.At(_clock.Now.PlusMs(dyingMs + AwayMs), $"{victim.Id} comes back", () =>
        {
            _acknowledgedWithout = CountAcknowledged() - _acknowledgedAtFailure;
            victim.Start();
        });
    }

    private SimDiskFaultReport? ReportDiskFault() => _options.DiskFault is null
        ? null
        : new SimDiskFaultReport(
            _diskFailure, _acknowledgedWithout, _sentAfter, _votesAskedAfter,
            _stores[0].Promises.Checked, _stores[0].LateCallCount);
}
