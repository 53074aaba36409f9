// Owns how a script founds its group. Everything that production turns on (pre-vote, check-quorum, leases) is off here
// unless the script asks for it, so that a script shows one thing at a time.
using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal sealed partial class GroupScript
{
    private bool RunSetup(ScriptCommand command)
    {
        switch (command.Name)
        {
            case "group":
                Found(command);
                return true;
            case "peer":
                AddEmptyPeer(command);
                return true;
            case "priority":
                Rebuild(command.Peer(), config => config with { Priority = ParseSigned(command.Word()) });
                return true;
            case "seed-log":
                SeedLog(command);
                return true;
            case "quiet":
                _out.IsQuiet = true;
                return true;
            case "loud":
                _out.IsQuiet = false;
                return true;
            default:
                return false;
        }
    }

    /// <summary><c>group voters=1-3 learners=4 present=1,2 start=10/1 …</c></summary>
    private void Found(ScriptCommand command)
    {
        if (_peers.Count > 0)
        {
            throw new ScenarioException("the group is there already");
        }

        (LogIndex index, Term term) = ScriptCommand.ParsePlace(command.Option("start") ?? "10/1");
        var conf = new ConfState(command.Peers("voters"), command.Peers("learners"), [], [], false);
        string[] state = command.Option("content") is { } content ? content.Split(',') : [];
        IReadOnlyList<PeerId> present = command.Peers("present");
        if (present.Count == 0)
        {
            present = [.. conf.Voters, .. conf.Learners];
        }

        RaftConfig config = ConfigFrom(command);
        _configOf = id => config with { Id = new PeerId(id), Seed = 1000 + id };
        _isAsync = command.Flag("async");
        foreach (PeerId id in present)
        {
            var log = new MemoryLog();
            if (index > LogIndex.Zero)
            {
                log.Write(null, [], new SnapshotMeta(index, term, conf));
            }

            AddPeer(id, conf, log, state);
        }

        _out.Line($"{ScriptWords.Conf(conf)}, all begin after {index}/{term}");
    }

    private static RaftConfig ConfigFrom(ScriptCommand command)
    {
        var usual = new RaftConfig { Id = new PeerId(1), Seed = 0, StartedAt = Instant.Zero };
        return usual with
        {
            ElectionTicks = (int)command.Number("election", 3),
            HeartbeatTicks = (int)command.Number("heartbeat", 1),
            PreVote = command.Flag("prevote"),
            CheckQuorum = command.Flag("checkquorum"),
            LeaseMs = (long)command.Number("lease", 0),
            LeaseDriftMs = (long)command.Number("drift", 100),
            StartedAt = command.Flag("fresh") ? Start : Instant.Zero,
            FirstLeader = new PeerId(command.Number("first-leader", 0)),
            InflightCountMax = (int)command.Number("inflight", (ulong)usual.InflightCountMax),
            InflightBytesMax = (long)command.Number("inflight-bytes", (ulong)usual.InflightBytesMax),
            AppendBytesMax = (long)command.Number("append-bytes", (ulong)usual.AppendBytesMax),
            CommittedBytesPerReadyMax = (long)command.Number("apply-bytes", (ulong)usual.CommittedBytesPerReadyMax),
            UncommittedBytesMax = (long)command.Number("uncommitted-bytes", (ulong)usual.UncommittedBytesMax),
            EntryBytesMax = (long)command.Number("entry-bytes", (ulong)usual.EntryBytesMax),
            TransferTicks = (int)command.Number("transfer-ticks", (ulong)usual.TransferTicks),
            SnapshotTicks = (int)command.Number("snapshot-ticks", (ulong)usual.SnapshotTicks),
            PromoteLagMax = (int)command.Number("promote-lag", (ulong)usual.PromoteLagMax),
            PendingReadsMax = (int)command.Number("reads", (ulong)usual.PendingReadsMax),
            CommitAtOnce = !command.Flag("commit-late"),
        };
    }

    /// <summary>A peer as a store creates it for a first message: no log, no membership.</summary>
    private void AddEmptyPeer(ScriptCommand command)
    {
        PeerId id = command.Peer();
        AddPeer(id, new ConfState([], [], [], [], false), new MemoryLog(), []);
        _out.Line($"{id} is there, and empty");
    }

    private void AddPeer(PeerId id, ConfState conf, MemoryLog log, string[] state)
    {
        var peer = new ScriptPeer(_configOf(id.Value), conf, log, state) { IsAsync = _isAsync };
        if (!_peers.TryAdd(id.Value, peer))
        {
            throw new ScenarioException($"peer {id} is there already");
        }
    }

    /// <summary>Replaces a peer that has done nothing yet by one with another config.</summary>
    private void Rebuild(PeerId id, Func<RaftConfig, RaftConfig> change)
    {
        ScriptPeer old = PeerOf(id);
        var config = change(old.Config);
        _peers[id.Value] = new ScriptPeer(config, old.Core.Conf, old.Log, [.. old.State]) { IsAsync = _isAsync };
    }

    /// <summary><c>seed-log 2 1x3 4x2 term=6</c>: before all else, peer 2's durable log ends like this.</summary>
    private void SeedLog(ScriptCommand command)
    {
        PeerId id = command.Peer();
        ScriptPeer old = PeerOf(id);
        var entries = new List<Entry>();
        LogIndex index = old.Log.LastIndex;
        ulong term = old.Core.Term.Value;
        while (command.HasWord)
        {
            string[] parts = command.Word().Split('x');
            term = ScriptCommand.ParseNumber(parts[0]);
            for (ulong i = 0; i < ScriptCommand.ParseNumber(parts[^1]); i++)
            {
                index = index.Next();
                byte[] data = System.Text.Encoding.ASCII.GetBytes($"t{term}");
                entries.Add(new Entry(index, new Term(term), EntryKind.Normal, data, Crc32C.Compute(data)));
            }
        }

        term = command.Number("term", term);
        old.Log.Write(new HardState(new Term(term), default, old.Core.Committed), entries, null);
        Rebuild(id, config => config);
        _out.Line($"{id} term {term}: {ScriptWords.Entries(entries)}");
    }

    private static int ParseSigned(string text) =>
        int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
