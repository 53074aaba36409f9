// Owns the engine's data: the only writer of data, applied state and outcome rows. It takes committed entries that are
// durable in this store's own log (Cut law), applies many regions into one batch, writes it, and only then answers and
// reports.
//
// Invariant: nothing is answered or reported before the batch that holds its effect is in the engine.
using Kv.Base;
using Kv.Engine;
using Kv.Raft;
using Kv.Store.Meta;

namespace Kv.Store.Apply;

internal sealed class ApplyLoop : Pump, IDisposable
{
    /// <summary>
    /// A batch is written when it has grown beyond this, to bound memory; small enough to keep latency even.
    /// </summary>
    private const long BatchBytesTarget = 4 * 1024 * 1024;

    private readonly ApplyBatch _batch;
    private readonly GuardedWrite _guarded = new();
    private readonly Action<ApplyDone> _done;
    private readonly Mailbox<ApplyWork> _mailbox;
    private readonly List<RegionApplier> _touched = [];
    private readonly List<CommandResult> _results = [];
    private readonly List<(ProposalBatch Proposal, RegionApplier Applier, int FirstResult)> _answers = [];
    private readonly List<ApplyDone> _reports = [];
    private readonly byte[] _appliedBytes = new byte[AppliedState.Bytes];

    // Read by metrics and the durability pump.
    private long _commandCount;
    private long _unsyncedBytes;

    public ApplyLoop(IEngine engine, Action<ApplyDone> done)
    {
        _batch = new ApplyBatch(engine);
        _done = done;

        // Bounded by proposals' credits and raft's pages of committed entries, one page per region (Queue law).
        _mailbox = new Mailbox<ApplyWork>(this, int.MaxValue);
    }

    public override string Name => "apply";

    /// <summary>Commands applied since start, duplicates and refusals included.</summary>
    public long CommandCount => Volatile.Read(ref _commandCount);

    /// <summary>Bytes written to the engine since the last call of <see cref="TakeUnsyncedBytes"/>.</summary>
    public long UnsyncedBytes => Volatile.Read(ref _unsyncedBytes);

    /// <summary>Mutations beyond puts and deletes, and what became of their writes.</summary>
    public OperationCounts Operations => _guarded.Counts;

    /// <summary>
    /// Hears of every write that was decided, whatever its outcome; set by tests that prove that each was so once.
    /// Called inside the loop.
    /// </summary>
    public Action<AppliedCommand>? Observer { get; set; }

    public void TakeUnsyncedBytes() => Interlocked.Exchange(ref _unsyncedBytes, 0);

    /// <summary>
    /// Gives the batch back to the engine, which stays open as long as one of its batches is. After the last turn.
    /// </summary>
    public void Dispose() => _batch.Dispose();

    public void Post(ApplyWork work) => _mailbox.Post(work);

    public override bool RunOnce()
    {
        List<ApplyWork> works = _mailbox.Drain();
        if (works.Count == 0)
        {
            return false;
        }

        foreach (ApplyWork work in works)
        {
            switch (work.Kind)
            {
                case ApplyWorkKind.Entries:
                    ApplyEntries(work);
                    break;
                case ApplyWorkKind.Ping:
                    _reports.Add(new ApplyDone(null, default, default, work.PingNumber, null));
                    break;
                case ApplyWorkKind.Unload:
                    work.Applier!.Unload();
                    break;
                default:
                    throw Invariant.Unreachable(work.Kind);
            }

            if (_batch.ByteCount >= BatchBytesTarget || Buggify.At("store.apply.batchEarly"))
            {
                WriteBatch();
            }
        }

        WriteBatch();
        return true;
    }

    private void ApplyEntries(ApplyWork work)
    {
        RegionApplier applier = work.Applier!;
        if (applier.StoppedBy is not null)
        {
            return;
        }

        if (!applier.InBatch && Buggify.At("store.outcomes.unloaded"))
        {
            applier.Unload();
        }

        int nextProposal = 0;
        foreach (Entry entry in work.Entries)
        {
            EntryNeeds needs = applier.Check(entry);
            if (needs == EntryNeeds.Stop)
            {
                _reports.Add(new ApplyDone(applier, applier.State.Index, applier.State.Term, 0, applier.StoppedBy));
                break;
            }

            if (needs == EntryNeeds.Reads && !_batch.IsReadable)
            {
                WriteBatch();
                _batch.MakeReadable();
            }

            Touch(applier);
            int firstResult = _results.Count;
            applier.Apply(entry, _batch, _guarded, _results, Observer);
            _commandCount += _results.Count - firstResult;
            if (nextProposal < work.Proposals.Count && work.Proposals[nextProposal].Index == entry.Index)
            {
                _answers.Add((work.Proposals[nextProposal++], applier, firstResult));
            }
        }

        Touch(applier);
    }

    private void Touch(RegionApplier applier)
    {
        if (!applier.InBatch)
        {
            applier.InBatch = true;
            _touched.Add(applier);
        }
    }

    private void WriteBatch()
    {
#if PLANT_E2 // row E2: data and applied index go in two writes
        _batch.Write();
#endif
        foreach (RegionApplier applier in _touched)
        {
            applier.State.Write(_appliedBytes);
            _batch.Inner.Put(ColumnFamily.Meta, MetaKeys.Applied(applier.Handle.Id), _appliedBytes);
        }

        if (_batch.Count > 0)
        {
            Interlocked.Add(ref _unsyncedBytes, _batch.ByteCount);
        }

        _batch.Write();

        foreach (RegionApplier applier in _touched)
        {
            applier.InBatch = false;
            applier.Handle.RegionTime = applier.State.RegionTime;
            applier.Handle.SetApplied(applier.State.Index, applier.State.Term);
            if (applier.StoppedBy is null)
            {
                _reports.Add(new ApplyDone(applier, applier.State.Index, applier.State.Term, 0, null));
            }
        }

        _touched.Clear();
        foreach ((ProposalBatch proposal, RegionApplier applier, int firstResult) in _answers)
        {
            for (int i = 0; i < proposal.Writes.Length; i++)
            {
                Answer(proposal.Writes[i], applier.Handle, _results[firstResult + i]);
            }
        }

        _answers.Clear();
        _results.Clear();
        foreach (ApplyDone report in _reports)
        {
            _done(report);
        }

        _reports.Clear();
    }

    private void Answer(PendingWrite write, RegionHandle region, CommandResult result)
    {
        switch (result.Status)
        {
            case CommandStatus.Applied:
                write.Succeed(result.Revision, result.RegionTime, result.Told);
                break;
            case CommandStatus.EpochNotMatch:
                write.Fail(Errors.EpochNotMatch(region));
                break;
            case CommandStatus.KeyNotInRegion:
                write.Fail(Errors.KeyNotInRegion(region, default));
                break;
            case CommandStatus.BelowFloor:
                write.Fail(Errors.StampTooOld(result.Floor, result.RegionTime));
                break;
            case CommandStatus.BelowMark:
                write.Fail(Errors.Stray());
                break;
            default:
                throw Invariant.Unreachable(result.Status);
        }
    }
}
