// Owns what happens to peers from outside: crashes, pauses, disks, clocks, links, log cuts.
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal sealed partial class GroupScript
{
    private bool RunWorld(ScriptCommand command)
    {
        switch (command.Name)
        {
            case "crash":
                ScriptPeer gone = PeerOf(command.Peer());
                _out.Line($"{gone.Id} is gone, and {gone.Writes.Count} writes with it");
                gone.Crash();
                return true;
            case "restart":
                Restart(command);
                return true;
            case "durable":
                ScriptPeer durable = RunningPeer(command.Peer());
                durable.MakeDurable(durable.Core.Applied);
                return true;
            case "disk-fault":
                PeerOf(command.Peer()).DiskFails = true;
                return true;
            case "pause":
                PeerOf(command.Peer()).IsPaused = true;
                return true;
            case "resume":
                PeerOf(command.Peer()).IsPaused = false;
                return true;
            case "clock":
                _nowMs += (long)command.Number();
                return true;
            case "skew":
                PeerOf(command.Peer()).ClockOffsetMs += (long)command.Number();
                return true;
            case "cut":
                Cut(command);
                return true;
            case "heal":
                _cuts.Clear();
                return true;
            case "compact":
                PeerOf(command.Peer()).Compact(new LogIndex(command.Number()));
                return true;
            case "snapshots":
                ChooseSnapshots(command);
                return true;
            default:
                return false;
        }
    }

    /// <summary>From what is durable. A peer that still runs crashes first.</summary>
    private void Restart(ScriptCommand command)
    {
        ScriptPeer peer = PeerOf(command.Peer());
        if (peer.Runs)
        {
            peer.Crash();
        }

        peer.Restart(NowOf(peer));
        RaftPeer core = peer.Core;
        _out.Line(
            $"{peer.Id} starts: term {core.Term} vote {core.Vote} log {core.FirstIndex}..{core.LastIndex} "
            + $"commit {core.Committed} applied {core.Applied}");
    }

    /// <summary><c>cut 1 2</c> cuts a link both ways; <c>cut 1</c> cuts a peer off; <c>cut 1 2 oneway</c> loses only
    /// what 1 sends to 2.</summary>
    private void Cut(ScriptCommand command)
    {
        bool oneWay = command.Flag("oneway");
        ulong one = command.Number();
        ulong[] others = command.HasWord ? [command.Number()] : [.. _peers.Keys.Where(id => id != one)];
        foreach (ulong other in others)
        {
            _cuts.Add((one, other));
            if (!oneWay)
            {
                _cuts.Add((other, one));
            }
        }
    }

    /// <summary><c>snapshots 1 none</c>: none can be made now. <c>snapshots 1 auto</c>: always the newest
    /// state.</summary>
    private void ChooseSnapshots(ScriptCommand command)
    {
        ScriptPeer peer = PeerOf(command.Peer());
        string word = command.Word();
        peer.SnapshotsAreAuto = word == "auto";
        peer.Log.SnapshotToSend = word switch
        {
            "none" => null,
            "auto" => peer.NewestSnapshot().Meta,
            _ => peer.SnapshotAt(new LogIndex(ScriptCommand.ParseNumber(word)))?.Meta,
        };
    }
}
