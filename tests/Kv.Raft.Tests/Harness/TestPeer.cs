using Kv.Base;

namespace Kv.Raft.Tests.Harness;

/// <summary>
/// One peer with its durable image, its writes under way, and a state machine that keeps what it applied. A crash
/// loses the core, the writes under way, and what apply had not made durable.
/// </summary>
internal sealed class TestPeer
{
    private readonly TestGroup _group;
    private readonly Queue<Ready> _writes = new();
    private LogIndex _durableApplied;
    private ConfState _durableConf;

    public TestPeer(TestGroup group, RaftConfig config, MemoryLog log, ConfState conf)
    {
        _group = group;
        Config = config;
        Log = log;
        _durableConf = conf;
        _durableApplied = log.FirstIndex.Previous();
        Core = NewCore();
    }

    public RaftConfig Config { get; set; }

    public MemoryLog Log { get; }

    public RaftPeer Core { get; private set; }

    public bool IsDown { get; private set; }

    /// <summary>Stopped by the scheduler (SIGSTOP): keeps its state, does nothing, its clock goes on.</summary>
    public bool IsPaused { get; set; }

    public double ClockRate { get; set; } = 1;

    public long ClockOffsetNs { get; set; }

    public List<Entry> Applied { get; } = [];

    public List<ReadState> Reads { get; } = [];

    public int PendingWriteCount => _writes.Count;

    /// <summary>Committed entries handed out and not yet applied, when apply is held back.</summary>
    public Queue<Entry> ToApply { get; } = new();

    public bool HoldApply { get; set; }

    public Instant Now => _group.LocalNow(this);

    public bool LeaseRuns => !IsDown && Core.LeaseEnd(Now) > Now;

    /// <summary>Carries out everything the core wants, except completing its writes.</summary>
    public void Drain()
    {
        while (Core.HasReady)
        {
            Ready ready = Core.TakeReady(Now);
            CheckReady(ready);
            _group.Checker?.OnEntries(this, ready.Entries);
            if (ready.PersistNumber != 0)
            {
                _writes.Enqueue(ready);
            }

            _group.Send(ready.Messages);
            Reads.AddRange(ready.ReadStates);
            _group.Checker?.OnReads(this, ready.ReadStates);
            foreach (Entry entry in ready.CommittedEntries)
            {
                ToApply.Enqueue(entry);
            }

            if (!HoldApply)
            {
                ApplyAll();
            }
        }

        _group.Checker?.OnTurn(this);
    }

    public void ApplyAll()
    {
        while (ApplyOne())
        {
            // Until nothing waits.
        }
    }

    /// <summary>The oldest entry that waits is applied. False = there is none.</summary>
    public bool ApplyOne()
    {
        if (!ToApply.TryDequeue(out Entry entry))
        {
            return false;
        }

        Assert.True(
            Log.TryGetTerm(entry.Index, out Term term) && term == entry.Term, "applied before durable (Cut law)");
        Applied.Add(entry);
        _group.Checker?.OnApplied(this, entry);
        if (entry.Kind == EntryKind.ConfChange)
        {
            ApplyConf(entry);
        }

        Core.OnApplied(entry.Index);
        return true;
    }

    /// <summary>The oldest write under way becomes durable. False = there is none.</summary>
    public bool PersistOne()
    {
        if (!_writes.TryDequeue(out Ready? ready))
        {
            return false;
        }

        Log.Write(ready.HardState, ready.Entries, ready.Snapshot);
        if (ready.Snapshot is { } snapshot)
        {
            Install(snapshot);
        }

        Core.OnPersisted(ready.PersistNumber, Now);
        _group.Send(ready.MessagesAfterPersist);
        return true;
    }

    public void PersistAll()
    {
        while (PersistOne())
        {
            Drain();
        }
    }

    /// <summary>What was applied so far survives the next crash.</summary>
    public void MakeAppliedDurable()
    {
        _durableApplied = Core.Applied;
        _durableConf = Core.Conf;
    }

    public void Crash()
    {
        IsDown = true;
        _writes.Clear();
        ToApply.Clear();
    }

    public void Restart()
    {
        IsDown = false;
        IsPaused = false;
        Applied.RemoveAll(entry => entry.Index > _durableApplied);
        Config = Config with { StartedAt = Now, Seed = Config.Seed + 1, Applied = _durableApplied };
        Core = NewCore();
    }

    private RaftPeer NewCore() => new(Config with { Applied = _durableApplied }, Log.HardState, _durableConf, Log);

    private void ApplyConf(Entry entry)
    {
        _group.OnConfEntry(this, entry);
        MakeConfDurable(entry.Index);
    }

    /// <summary>Truth law: a change of membership is durable before anything follows from it.</summary>
    private void MakeConfDurable(LogIndex index)
    {
        _durableApplied = index;
        _durableConf = Core.Conf;
    }

    private void Install(SnapshotMeta snapshot)
    {
        Applied.Clear();
        ToApply.Clear();
        Applied.AddRange(_group.StateAt(snapshot.Index));
        _durableApplied = snapshot.Index;
        _durableConf = snapshot.Conf;
    }

    private static void CheckReady(Ready ready)
    {
        bool persists = ready.HardState is not null || ready.Entries.Count > 0 || ready.Snapshot is not null;
        Assert.Equal(persists, ready.PersistNumber != 0);
        Assert.True(persists || ready.MessagesAfterPersist.Count == 0);
    }
}
