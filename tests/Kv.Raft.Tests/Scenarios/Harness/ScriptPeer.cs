using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>
/// One peer of a script: its core, its durable image, the writes and pages under way, and a state machine that keeps
/// the payloads it applied. What a crash takes is the core, the writes and pages under way, and what apply had not
/// made durable.
/// </summary>
internal sealed class ScriptPeer
{
    private readonly SortedDictionary<ulong, (SnapshotMeta Meta, string[] State)> _snapshots = [];
    private LogIndex _durableApplied;
    private ConfState _durableConf;
    private string[] _durableState;

    public ScriptPeer(RaftConfig config, ConfState conf, MemoryLog log, string[] state)
    {
        Config = config;
        Log = log;
        _durableConf = conf;
        _durableState = state;
        _durableApplied = log.FirstIndex.Previous();
        Core = NewCore(log.HardState);
        State.AddRange(state);
        NoteSnapshot();
    }

    public RaftConfig Config { get; private set; }

    public RaftPeer Core { get; private set; }

    public MemoryLog Log { get; }

    public ulong Id => Config.Id.Value;

    public bool IsDown { get; private set; }

    /// <summary>Stopped by the scheduler: keeps its state, does nothing, its clock goes on.</summary>
    public bool IsPaused { get; set; }

    /// <summary>The next write fails; then the store that holds this peer is gone (Sync law).</summary>
    public bool DiskFails { get; set; }

    /// <summary>Whether writes and pages wait for <c>persist</c> and <c>apply</c>.</summary>
    public bool IsAsync { get; init; }

    public long ClockOffsetMs { get; set; }

    /// <summary>How the core learns what snapshot can be sent: always the newest, or what the script says.</summary>
    public bool SnapshotsAreAuto { get; set; } = true;

    public Queue<Ready> Writes { get; } = new();

    /// <summary>Writes that are durable, whose messages have left, and of which the core was not told
    /// yet.</summary>
    public Queue<ulong> Untold { get; } = new();

    public Queue<IReadOnlyList<Entry>> Pages { get; } = new();

    public List<string> State { get; } = [];

    public List<Entry> Applied { get; } = [];

    public List<ReadState> Reads { get; } = [];

    public bool Runs => !IsDown && !IsPaused;

    public bool HasWork => Core.HasReady || Writes.Count > 0 || Untold.Count > 0 || Pages.Count > 0;

    public (SnapshotMeta Meta, string[] State)? SnapshotAt(LogIndex index) =>
        _snapshots.TryGetValue(index.Value, out (SnapshotMeta Meta, string[] State) snapshot) ? snapshot : null;

    public (SnapshotMeta Meta, string[] State) NewestSnapshot() => _snapshots.Values.Last();

    /// <summary>The oldest write is on the disk. The caller then tells the core and sends what waited.</summary>
    public Ready FinishWrite(Func<SnapshotMeta, string[]> contentOf)
    {
        Ready ready = Writes.Dequeue();
        Log.Write(ready.HardState, ready.Entries, ready.Snapshot);
        if (ready.Snapshot is { } snapshot)
        {
            Pages.Clear();
            State.Clear();
            State.AddRange(contentOf(snapshot));
            Applied.Clear();
            _durableApplied = snapshot.Index;
            _durableConf = snapshot.Conf;
            _durableState = [.. State];
        }

        return ready;
    }

    /// <summary>Applies one entry to the state machine, and to the membership if it changes that.</summary>
    public void Apply(Entry entry)
    {
        if (!Log.TryGetTerm(entry.Index, out Term term) || term != entry.Term)
        {
            throw new ScenarioException($"peer {Id} applies {entry.Index}, which its own log does not hold (Cut law)");
        }

        Applied.Add(entry);
        if (entry.Kind == EntryKind.Normal)
        {
            State.Add(ScriptWords.Text(entry));
        }

        if (entry.Kind == EntryKind.ConfChange)
        {
            if (!ConfChange.TryDecode(entry.Data.Span, out ConfChange change))
            {
                throw new ScenarioException($"peer {Id} cannot read the change at {entry.Index}");
            }

            Core.ApplyConfChange(change);
            MakeDurable(entry.Index);
        }

        Core.OnApplied(entry.Index);
        NoteSnapshot();
    }

    /// <summary>What was applied up to <paramref name="index"/> survives the next crash.</summary>
    public void MakeDurable(LogIndex index)
    {
        _durableApplied = index;
        _durableConf = Core.Conf;
        _durableState = [.. State];
    }

    public void Compact(LogIndex index)
    {
        if (index > Core.Applied)
        {
            throw new ScenarioException($"peer {Id} has applied {Core.Applied}: its log cannot be cut at {index}");
        }

        MakeDurable(Core.Applied);
        Log.CutTo(index);
        if (SnapshotsAreAuto)
        {
            NoteSnapshot();
        }
    }

    public void Crash()
    {
        IsDown = true;
        Writes.Clear();
        Untold.Clear();
        Pages.Clear();
    }

    public void Restart(Instant now)
    {
        IsDown = false;
        IsPaused = false;
        DiskFails = false;
        Config = Config with { StartedAt = now, Seed = Config.Seed + 1 };
        Core = NewCore(Log.HardState);
        State.Clear();
        State.AddRange(_durableState);
        Applied.RemoveAll(entry => entry.Index > _durableApplied);
        Reads.Clear();
    }

    private RaftPeer NewCore(HardState hardState) =>
        new(Config with { Applied = _durableApplied }, hardState, _durableConf, Log);

    private void NoteSnapshot()
    {
        LogIndex applied = Core.Applied;
        if (applied == LogIndex.Zero || !Core.TryTermAt(applied, out Term term) || Core.Conf.Voters.Count == 0)
        {
            return;
        }

        var meta = new SnapshotMeta(applied, term, Core.Conf);
        _snapshots[applied.Value] = (meta, [.. State]);
        if (SnapshotsAreAuto)
        {
            Log.SnapshotToSend = meta;
        }
    }
}
