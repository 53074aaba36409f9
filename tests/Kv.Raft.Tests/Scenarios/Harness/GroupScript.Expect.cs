// Owns the expectations. Each names a property of the group at this moment, or of what was sent since the last mark.
//   expect leader 2 | expect leader none           who leads with the highest term
//   expect role 2 follower                         expect known-leader 2 1|none
//   expect commit 3 >= 12                          also term, vote, applied, persisted, last, first, uncommitted
//   expect match 1->3 = 12                         also next, inflight
//   expect progress 1->3 replicate [paused]        expect conf 1 voters=1,2 outgoing=- learners=- next=- [autoleave]
//   expect state 3 a,b                             expect lease 1 on|off, promise 2 on|off, asleep 1 yes|no,
//                                                  running 1 yes|no, can-sleep 1 yes|no live=1,2
//   expect answer Accepted                         of the last propose, change or read
//   expect read 1 7 at 12|refused|pending          expect same-logs 1 2 3
//   expect sent kind=append from=1 [= 2]           since the last mark: some, or exactly so many (= 0: none)
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal sealed partial class GroupScript
{
    private void Expect(ScriptCommand command)
    {
        string what = command.Word();
        (string wanted, string actual) = what switch
        {
            "leader" => (command.Word(), NewestLeader()),
            "answer" => (command.Word(), _answer),
            "sent" => ExpectSent(command),
            "same-logs" => ExpectSameLogs(command),
            "match" or "next" or "inflight" or "progress" => ExpectProgress(what, command),
            _ => ExpectOfPeer(what, PeerOf(command.Peer()), command),
        };
        if (wanted != actual)
        {
            throw new ScenarioException($"\"{command.Text}\" is not so: {actual}");
        }
    }

    private (string Wanted, string Actual) ExpectOfPeer(string what, ScriptPeer peer, ScriptCommand command)
    {
        RaftPeer core = peer.Core;
        switch (what)
        {
            case "role":
                return (command.Word(), ScriptWords.Role(core.Role));
            case "known-leader":
                return (command.Word(), NameOf(core.Leader));
            case "vote":
                return (command.Word(), NameOf(core.Vote));
            case "term":
                return Compared(command, core.Term.Value);
            case "commit":
                return Compared(command, core.Committed.Value);
            case "applied":
                return Compared(command, core.Applied.Value);
            case "persisted":
                return Compared(command, core.Persisted.Value);
            case "last":
                return Compared(command, core.LastIndex.Value);
            case "first":
                return Compared(command, core.FirstIndex.Value);
            case "uncommitted":
                return Compared(command, (ulong)core.Status().UncommittedBytes);
            case "lease":
                return (command.Word(), core.LeaseEnd(NowOf(peer)) > NowOf(peer) ? "on" : "off");
            case "promise":
                return (command.Word(), core.PromiseEnd > NowOf(peer) ? "on" : "off");
            case "asleep":
                return (command.Word(), YesNo(core.IsAsleep));
            case "running":
                return (command.Word(), YesNo(peer.Runs));
            case "can-sleep":
                return (command.Word(), YesNo(core.CanSleep([.. command.Peers("live")])));
            case "state":
                return (command.Word(), peer.State.Count == 0 ? "-" : string.Join(",", peer.State));
            case "conf":
                return ExpectConf(command, core.Conf);
            case "read":
                return ExpectRead(command, peer);
            default:
                throw new ScenarioException($"nothing to expect is called \"{what}\"");
        }
    }

    private static (string Wanted, string Actual) ExpectConf(ScriptCommand command, ConfState conf)
    {
        var wanted = new ConfState(
            command.Peers("voters"), command.Peers("learners"), command.Peers("outgoing"), command.Peers("next"),
            command.Flag("autoleave"));
        return (ScriptWords.Conf(wanted), ScriptWords.Conf(conf));
    }

    private static (string Wanted, string Actual) ExpectRead(ScriptCommand command, ScriptPeer peer)
    {
        ulong id = command.Number();
        string wanted = command.Word();
        wanted = wanted == "at" ? $"at {command.Number()}" : wanted;
        ReadState[] answers = [.. peer.Reads.Where(read => read.ReadId == id)];
        string actual = answers.Length switch
        {
            0 => "pending",
            1 => answers[0].Refused ? "refused" : $"at {answers[0].Index}",
            _ => "answered twice",
        };
        return (wanted, actual);
    }

    private (string Wanted, string Actual) ExpectProgress(string what, ScriptCommand command)
    {
        string[] ends = command.Word().Split("->");
        var target = new PeerId(ScriptCommand.ParseNumber(ends[1]));
        RaftPeer core = PeerOf(new PeerId(ScriptCommand.ParseNumber(ends[0]))).Core;
        PeerProgress peer = core.Status().Progress.FirstOrDefault(each => each.Peer == target)
            ?? throw new ScenarioException($"{core.Id} knows no progress of {target}");
        return what switch
        {
            "match" => Compared(command, peer.Match.Value),
            "next" => Compared(command, peer.Next.Value),
            "inflight" => Compared(command, (ulong)peer.InflightCount),
            _ => (
                command.Word() + (command.Flag("paused") ? " paused" : ""),
                ScriptWords.State(peer.State) + (peer.IsPaused ? " paused" : "")),
        };
    }

    private (string Wanted, string Actual) ExpectSent(ScriptCommand command)
    {
        Func<Message, bool> filter = Filter(command);
        int count = _sent.Count(filter);
        return command.HasWord ? Compared(command, (ulong)count) : ("some", count > 0 ? "some" : "none");
    }

    private (string Wanted, string Actual) ExpectSameLogs(ScriptCommand command)
    {
        string first = DurableWords(PeerOf(command.Peer()));
        while (command.HasWord)
        {
            string other = DurableWords(PeerOf(command.Peer()));
            if (other != first)
            {
                return (first, other);
            }
        }

        return (first, first);
    }

    private static string DurableWords(ScriptPeer peer) => ScriptWords.Entries(peer.Log.Entries);

    private static (string Wanted, string Actual) Compared(ScriptCommand command, ulong value)
    {
        string how = command.Word();
        ulong bound = command.Number();
        bool holds = how switch
        {
            "=" => value == bound,
            ">=" => value >= bound,
            "<=" => value <= bound,
            "<" => value < bound,
            ">" => value > bound,
            _ => throw new ScenarioException($"\"{how}\" compares nothing"),
        };
        return ("so", holds ? "so" : $"it is {value}");
    }

    /// <summary>Of all that run and lead, the one with the highest term; two of one term are the oracle's
    /// affair.</summary>
    private string NewestLeader()
    {
        ScriptPeer? newest = _peers.Values.Where(peer => !peer.IsDown && peer.Core.IsLeader)
            .MaxBy(peer => peer.Core.Term.Value);
        return newest is null ? "none" : NameOf(newest.Config.Id);
    }

    private static string NameOf(PeerId peer) => peer.IsNone ? "none" : peer.ToString();

    private static string YesNo(bool holds) => holds ? "yes" : "no";
}
