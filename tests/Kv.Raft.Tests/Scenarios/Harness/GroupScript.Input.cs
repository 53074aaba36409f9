// Owns the inputs a script gives to a core: what a store's loop would give it.
using System.Text;
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal sealed partial class GroupScript
{
    private string _answer = "";

    private bool RunInput(ScriptCommand command)
    {
        switch (command.Name)
        {
            case "campaign":
                Input(command, (core, now) => core.Campaign(now));
                return true;
            case "tick":
                Tick(command);
                return true;
            case "timeout":
                Input(command, (core, _) => core.ElectionTimeoutTicks = (int)command.Number());
                return true;
            case "propose":
                Propose(command);
                return true;
            case "change":
                ProposeChange(command);
                return true;
            case "transfer":
                Input(command, (core, now) => core.TransferLeadership(command.Peer(), now));
                return true;
            case "forget-leader":
                Input(command, (core, now) => core.ForgetLeader(now));
                return true;
            case "resign":
                Input(command, (core, _) => core.Resign());
                return true;
            case "read":
                Read(command);
                return true;
            case "unreachable":
                Input(command, (core, _) => core.OnUnreachable(command.Peer()));
                return true;
            case "report-snapshot":
                Input(command, (core, _) => core.OnSnapshotReport(command.Peer(), command.Word() == "ok"));
                return true;
            case "sleep":
                ForEach(command, (core, _) => core.Sleep());
                return true;
            case "wake":
                Input(command, (core, now) => core.Wake(now));
                return true;
            case "message":
                HandMadeMessage(command);
                return true;
            default:
                return false;
        }
    }

    private void Input(ScriptCommand command, Action<RaftPeer, Instant> input)
    {
        ScriptPeer peer = RunningPeer(command.Peer());
        Do(peer, core => input(core, NowOf(peer)));
    }

    private void ForEach(ScriptCommand command, Action<RaftPeer, Instant> input)
    {
        do
        {
            Input(command, input);
        }
        while (command.HasWord);
    }

    /// <summary>
    /// <c>tick 1 3</c>, <c>tick all 3</c>, <c>tick 1 election</c>, <c>tick 1 heartbeat</c>. Each tick is 100 ms for
    /// everybody's clock, also for those who get none.
    /// </summary>
    private void Tick(ScriptCommand command)
    {
        string who = command.Word();
        ScriptPeer[] peers = who == "all" ? [.. Running()] : [RunningPeer(new PeerId(ScriptCommand.ParseNumber(who)))];
        RaftConfig config = _configOf(1);
        int count = command.MaybeWord() switch
        {
            null => 1,
            "election" => config.ElectionTicks,
            "heartbeat" => config.HeartbeatTicks,
            { } number => (int)ScriptCommand.ParseNumber(number),
        };
        for (int i = 0; i < count; i++)
        {
            _nowMs += TickMs;
            foreach (ScriptPeer peer in peers)
            {
                Do(peer, core => core.Tick(NowOf(peer)));
            }
        }
    }

    /// <summary><c>propose 1 a b c size=100</c>: each word is an entry; a size pads it with dots.</summary>
    private void Propose(ScriptCommand command)
    {
        ScriptPeer peer = RunningPeer(command.Peer());
        int size = (int)command.Number("size", 0);
        do
        {
            byte[] data = Encoding.ASCII.GetBytes(command.Word().PadRight(size, '.'));
            ProposeResult result = default;
            Do(peer, core => result = core.Propose(data, Crc32C.Compute(data), NowOf(peer)));
            NoteAnswer(result);
        }
        while (command.HasWord);
    }

    private void ProposeChange(ScriptCommand command)
    {
        ScriptPeer peer = RunningPeer(command.Peer());
        ConfChange change = command.Change();
        ProposeResult result = default;
        Do(peer, core => result = core.ProposeConfChange(change, NowOf(peer)));
        NoteAnswer(result);
    }

    private void NoteAnswer(ProposeResult result)
    {
        _answer = result.Outcome.ToString();
        _out.Line(result.IsAccepted ? $"accepted as {result.Index}/{result.Term}" : $"refused: {result.Outcome}");
    }

    /// <summary><c>read 1 7 8</c>: asks peer 1 for reads 7 and 8.</summary>
    private void Read(ScriptCommand command)
    {
        ScriptPeer peer = RunningPeer(command.Peer());
        do
        {
            ulong id = command.Number();
            bool taken = false;
            Do(peer, core => taken = core.ReadIndex(id, NowOf(peer)));
            _answer = taken ? "Accepted" : "Refused";
            _out.Line(taken ? $"read {id} is under way" : $"read {id} is refused at once");
        }
        while (command.HasWord);
    }

    /// <summary>A message that no peer of this group sent: late, repeated, or broken.</summary>
    private void HandMadeMessage(ScriptCommand command)
    {
        string kind = command.Word();
        (LogIndex index, Term logTerm) = ScriptCommand.ParsePlace(command.Option("log") ?? "0/0");
        var message = new Message
        {
            Kind = kind switch
            {
                "prevote" => MessageKind.PreVote,
                "vote" => MessageKind.Vote,
                "append" => MessageKind.Append,
                "append-yes" or "append-no" => MessageKind.AppendResponse,
                "heartbeat" => MessageKind.Heartbeat,
                "timeout-now" => MessageKind.TimeoutNow,
                "vote-yes" => MessageKind.VoteResponse,
                _ => throw new ScenarioException($"no hand-made message \"{kind}\""),
            },
            From = new PeerId(command.Number("from", 0)),
            To = new PeerId(command.Number("to", 0)),
            Term = new Term(command.Number("term", 0)),
            LogIndex = index,
            LogTerm = logTerm,
            Commit = new LogIndex(command.Number("commit", 0)),
            Reject = kind == "append-no",
            SentAt = kind is "append" or "heartbeat" ? Start : Instant.Zero,
        };
        Deliver(message);
    }
}
