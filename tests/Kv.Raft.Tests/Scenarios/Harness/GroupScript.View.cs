// Owns what a script may look at, and what it may expect: a golden file that is written anew can lose its point
// unnoticed, an expectation cannot.
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal sealed partial class GroupScript
{
    private bool RunView(ScriptCommand command)
    {
        switch (command.Name)
        {
            case "status":
                ShowStatus(RunningPeer(command.Peer()).Core.Status());
                return true;
            case "roles":
                foreach (ScriptPeer peer in _peers.Values)
                {
                    _out.Line(peer.IsDown ? $"{peer.Id} is down" : RoleWords(peer.Core));
                }

                return true;
            case "log":
                ShowLog(PeerOf(command.Peer()));
                return true;
            case "wire":
                foreach (Message message in _wire)
                {
                    _out.Line(ScriptWords.Full(message));
                }

                return true;
            case "lease":
                ShowLease(RunningPeer(command.Peer()));
                return true;
            case "mark":
                _sent.Clear();
                return true;
            case "expect":
                Expect(command);
                return true;
            default:
                return false;
        }
    }

    private static string RoleWords(RaftPeer core) =>
        $"{core.Id} {ScriptWords.Role(core.Role)} term {core.Term} vote {core.Vote} leader {core.Leader}"
        + (core.IsAsleep ? " asleep" : "");

    private void ShowStatus(RaftStatus status)
    {
        _out.Line(
            $"{status.Id} {ScriptWords.Role(status.Role)} term {status.Term}"
            + $" log {status.FirstIndex}..{status.LastIndex} persisted {status.Persisted}"
            + $" commit {status.Committed} applied {status.Applied}"
            + (status.UncommittedBytes > 0 ? $" uncommitted {status.UncommittedBytes} bytes" : ""));
        foreach (PeerProgress peer in status.Progress)
        {
            _out.Line("  " + ScriptWords.Progress(peer));
        }
    }

    private void ShowLog(ScriptPeer peer)
    {
        _out.Line($"{peer.Id} durable log {peer.Log.FirstIndex}..{peer.Log.LastIndex}");
        foreach (Entry entry in peer.Log.Entries)
        {
            _out.Line("  " + ScriptWords.Entry(entry));
        }
    }

    private void ShowLease(ScriptPeer peer)
    {
        long now = NowOf(peer).MsSince(Start);
        Instant end = peer.Core.LeaseEnd(NowOf(peer));
        Instant promise = peer.Core.PromiseEnd;
        _out.Line(
            $"{peer.Id} at {now} ms: "
            + (end > NowOf(peer) ? $"lease to {end.MsSince(Start)}" : "no lease") + ", "
            + (promise > NowOf(peer) ? $"promised to {promise.MsSince(Start)}" : "no promise"));
    }
}
