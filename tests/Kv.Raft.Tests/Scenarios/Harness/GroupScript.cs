// Owns one raft group in one thread, driven by a script: the wire whose messages wait until the script delivers them,
// the clock, the links. Everything is in the order of peer ids or of the wire, so a script has one transcript only.
// After every command SafetyOracle looks at the whole group. The commands, by file:
//   Setup   group, peer, priority, seed-log, quiet, loud
//   Input   campaign, tick, timeout, propose, change, transfer, forget-leader, resign, read, unreachable,
//           report-snapshot, sleep, wake, message
//   Work    ready, persist (= write + tell), apply, stabilize, deliver, drop, repeat, send-snapshot
//   World   crash, restart, durable, disk-fault, pause, resume, clock, skew, cut, heal, compact, snapshots
//   View    status, roles, log, wire, lease, mark, expect (Expect says what can be expected)
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal sealed partial class GroupScript : IScript
{
    public const int TickMs = 100;

    private const int RoundsMax = 500;

    /// <summary>Far enough from zero that no promise of a start runs, unless the script asks for it.</summary>
    private static readonly Instant Start = Instant.FromMs(1_000_000);

    private readonly SortedDictionary<ulong, ScriptPeer> _peers = [];
    private readonly List<Message> _wire = [];
    private readonly List<Message> _sent = [];
    private readonly HashSet<(ulong From, ulong To)> _cuts = [];
    private readonly SafetyOracle _oracle = new();
    private Func<ulong, RaftConfig> _configOf = _ => throw new ScenarioException("no group yet");
    private Transcript _out = new();
    private bool _isAsync;
    private long _nowMs;

    public void Run(ScriptCommand command, Transcript transcript)
    {
        _out = transcript;
        if (!RunSetup(command) && !RunInput(command) && !RunOwnerWork(command) && !RunWorld(command)
            && !RunView(command))
        {
            throw new ScenarioException($"no command is called \"{command.Name}\"");
        }

        _oracle.Check(_peers.Values, NowOf);
    }

    private Instant NowOf(ScriptPeer peer) => Start.PlusMs(_nowMs + peer.ClockOffsetMs);

    private ScriptPeer PeerOf(PeerId id) => _peers.TryGetValue(id.Value, out ScriptPeer? peer)
        ? peer
        : throw new ScenarioException($"there is no peer {id}");

    private ScriptPeer RunningPeer(PeerId id)
    {
        ScriptPeer peer = PeerOf(id);
        return peer.Runs ? peer : throw new ScenarioException($"peer {id} does not run");
    }

    private IEnumerable<ScriptPeer> Running() => _peers.Values.Where(peer => peer.Runs).ToArray();

    /// <summary>Gives the core one input and tells what it changed.</summary>
    private void Do(ScriptPeer peer, Action<RaftPeer> input)
    {
        Seen before = Seen.Of(peer.Core);
        input(peer.Core);
        before.Tell(peer.Core, _out);
    }

    private void Send(IReadOnlyList<Message> messages, string prefix)
    {
        foreach (Message message in messages)
        {
            bool lost = _cuts.Contains((message.From.Value, message.To.Value));
            _out.Line($"{prefix}{ScriptWords.Full(message)}{(lost ? " (lost)" : "")}");
            _sent.Add(message);
            if (!lost)
            {
                _wire.Add(message);
            }
        }
    }

    private void Deliver(Message message)
    {
        if (!_peers.TryGetValue(message.To.Value, out ScriptPeer? peer) || !peer.Runs)
        {
            _out.Line($"{ScriptWords.Short(message)} finds nobody");
            return;
        }

        _out.Line($"{message.To} gets {ScriptWords.Short(message)}");
        _out.Indented(() => Do(peer, core => core.Step(message, NowOf(peer))));
    }

    /// <summary>Takes one Ready and does with it what an owner must, except that async writes and pages
    /// wait.</summary>
    private void TakeReady(ScriptPeer peer)
    {
        Ready ready = peer.Core.TakeReady(NowOf(peer));
        _out.Line($"{peer.Id} ready{WriteWords(ready)}");
        _out.Indented(() =>
        {
            Send(ready.Messages, "");
            foreach (ReadState read in ready.ReadStates)
            {
                peer.Reads.Add(read);
                _out.Line(read.Refused ? $"read {read.ReadId} is refused" : $"read {read.ReadId} at {read.Index}");
            }

            if (ready.PersistNumber != 0)
            {
                peer.Writes.Enqueue(ready);
            }

            if (ready.CommittedEntries.Count > 0)
            {
                peer.Pages.Enqueue(ready.CommittedEntries);
            }

            if (peer.IsAsync)
            {
                foreach (Message held in ready.MessagesAfterPersist)
                {
                    _out.Line($"holds for write {ready.PersistNumber}: {ScriptWords.Full(held)}");
                }

                if (ready.CommittedEntries.Count > 0)
                {
                    _out.Line($"to apply: {ScriptWords.Entries(ready.CommittedEntries)}");
                }
            }
            else
            {
                PersistAll(peer);
                ApplyAll(peer);
            }
        });
    }

    private void PersistOne(ScriptPeer peer)
    {
        if (WriteOne(peer))
        {
            TellAll(peer);
        }
    }

    /// <summary>The oldest write becomes durable and lets its messages go; the core hears of it later. False = the disk
    /// failed.</summary>
    private bool WriteOne(ScriptPeer peer)
    {
        if (peer.DiskFails)
        {
            _out.Line($"{peer.Id} write {peer.Writes.Peek().PersistNumber} fails: its store is gone");
            peer.Crash();
            return false;
        }

        Ready ready = peer.FinishWrite(ContentOf);
        if (peer.IsAsync)
        {
            _out.Line($"{peer.Id} write {ready.PersistNumber} is durable");
        }

        Send(ready.MessagesAfterPersist, "then ");
        peer.Untold.Enqueue(ready.PersistNumber);
        return true;
    }

    private void TellOne(ScriptPeer peer)
    {
        ulong number = peer.Untold.Dequeue();
        Do(peer, core => core.OnPersisted(number, NowOf(peer)));
    }

    private void TellAll(ScriptPeer peer)
    {
        while (peer.Untold.Count > 0)
        {
            TellOne(peer);
        }
    }

    private void PersistAll(ScriptPeer peer)
    {
        while (peer.Writes.Count > 0)
        {
            PersistOne(peer);
        }
    }

    private void ApplyOne(ScriptPeer peer)
    {
        IReadOnlyList<Entry> page = peer.Pages.Dequeue();
        _out.Line($"{peer.Id} applies {ScriptWords.Entries(page)}");
        foreach (Entry entry in page)
        {
            Do(peer, _ => peer.Apply(entry));
        }
    }

    private void ApplyAll(ScriptPeer peer)
    {
        while (peer.Pages.Count > 0)
        {
            ApplyOne(peer);
        }
    }

    private string[] ContentOf(SnapshotMeta snapshot)
    {
        foreach (ScriptPeer peer in _peers.Values)
        {
            if (peer.SnapshotAt(snapshot.Index) is { } held && held.Meta.Term == snapshot.Term)
            {
                return held.State;
            }
        }

        throw new ScenarioException($"nobody has made snapshot {snapshot.Index}/{snapshot.Term}");
    }

    /// <summary>Runs the named peers, or all, until nothing moves among them.</summary>
    private void Stabilize(IReadOnlyList<PeerId> only)
    {
        for (int round = 0; round < RoundsMax; round++)
        {
            bool moved = false;
            foreach (ScriptPeer peer in Running().Where(peer => IsAmong(only, peer.Config.Id)))
            {
                moved |= RunToRest(peer);
            }

            foreach (Message message in _wire.Where(message => IsAmong(only, message.To)).ToArray())
            {
                moved = true;
                _wire.Remove(message);
                Deliver(message);
            }

            if (!moved)
            {
                return;
            }
        }

        throw new ScenarioException("the group does not come to rest");
    }

    private bool RunToRest(ScriptPeer peer)
    {
        bool moved = false;
        while (peer.Runs && peer.HasWork)
        {
            moved = true;
            if (peer.Core.HasReady)
            {
                TakeReady(peer);
            }
            else if (peer.Writes.Count > 0)
            {
                PersistOne(peer);
            }
            else if (peer.Untold.Count > 0)
            {
                TellOne(peer);
            }
            else
            {
                ApplyOne(peer);
            }
        }

        return moved;
    }

    private static bool IsAmong(IReadOnlyList<PeerId> only, PeerId peer) => only.Count == 0 || only.Contains(peer);

    private static string WriteWords(Ready ready)
    {
        if (ready.PersistNumber == 0)
        {
            return "";
        }

        var parts = new List<string>();
        if (ready.HardState is { } hard)
        {
            parts.Add($"term {hard.Term} vote {hard.Vote} commit {hard.Commit}");
        }

        if (ready.Snapshot is { } snapshot)
        {
            parts.Add($"snapshot {snapshot.Index}/{snapshot.Term} {ScriptWords.Conf(snapshot.Conf)}");
        }

        if (ready.Entries.Count > 0)
        {
            parts.Add(ScriptWords.Entries(ready.Entries));
        }

        return $", write {ready.PersistNumber}: {string.Join("; ", parts)}";
    }
}
