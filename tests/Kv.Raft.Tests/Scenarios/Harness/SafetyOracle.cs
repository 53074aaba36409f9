using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>
/// Looks at a script's whole group after each command: one leader in a term, one entry at an applied index, one lease
/// at a time. What no script has to say, because it holds in every one.
/// </summary>
internal sealed class SafetyOracle
{
    private readonly SortedDictionary<ulong, PeerId> _leaders = [];
    private readonly SortedDictionary<ulong, (Term Term, uint Crc)> _applied = [];

    public void Check(IEnumerable<ScriptPeer> peers, Func<ScriptPeer, Instant> now)
    {
        PeerId lessor = default;
        foreach (ScriptPeer peer in peers)
        {
            CheckApplied(peer);
            if (peer.IsDown || !peer.Core.IsLeader)
            {
                continue;
            }

            CheckLeader(peer);
            if (peer.Core.LeaseEnd(now(peer)) > now(peer))
            {
                Require(lessor.IsNone, $"{lessor} and {peer.Id} hold leases at once");
                lessor = peer.Config.Id;
            }
        }
    }

    private void CheckLeader(ScriptPeer peer)
    {
        RaftPeer core = peer.Core;
        if (!_leaders.TryAdd(core.Term.Value, core.Id))
        {
            Require(_leaders[core.Term.Value] == core.Id, $"two leaders in term {core.Term}");
        }
    }

    private void CheckApplied(ScriptPeer peer)
    {
        foreach (Entry entry in peer.Applied)
        {
            var seen = (entry.Term, entry.DataCrc);
            if (!_applied.TryAdd(entry.Index.Value, seen))
            {
                Require(_applied[entry.Index.Value] == seen, $"two entries were applied at {entry.Index}");
            }
        }
    }

    private static void Require(bool holds, string problem)
    {
        if (!holds)
        {
            throw new ScenarioException($"not safe: {problem}");
        }
    }
}
