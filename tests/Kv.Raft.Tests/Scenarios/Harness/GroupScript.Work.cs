// Owns the owner's side (Ready, writes, pages) and the wire, as commands.
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal sealed partial class GroupScript
{
    private bool RunOwnerWork(ScriptCommand command)
    {
        switch (command.Name)
        {
            case "ready":
                Ready(command);
                return true;
            case "persist":
                Finish(command, peer => peer.Writes.Count, PersistOne);
                return true;
            case "write":
                Finish(command, peer => peer.Writes.Count, peer => WriteOne(peer));
                return true;
            case "tell":
                Finish(command, peer => peer.Untold.Count, TellOne);
                return true;
            case "apply":
                Finish(command, peer => peer.Pages.Count, ApplyOne);
                return true;
            case "stabilize":
                Stabilize(command.MaybeWord() is { } only ? ScriptCommand.ParsePeers(only) : []);
                return true;
            case "deliver":
                TakeFromWire(command, Deliver);
                return true;
            case "drop":
                TakeFromWire(command, message => _out.Line($"lost: {ScriptWords.Short(message)}"));
                return true;
            case "repeat":
                Repeat(command);
                return true;
            case "send-snapshot":
                SendSnapshot(command);
                return true;
            default:
                return false;
        }
    }

    private void Ready(ScriptCommand command)
    {
        do
        {
            ScriptPeer peer = RunningPeer(command.Peer());
            if (!peer.Core.HasReady)
            {
                _out.Line($"{peer.Id} has nothing to do");
                continue;
            }

            TakeReady(peer);
        }
        while (command.HasWord);
    }

    private void Finish(ScriptCommand command, Func<ScriptPeer, int> count, Action<ScriptPeer> one)
    {
        ScriptPeer peer = RunningPeer(command.Peer());
        string? word = command.MaybeWord();
        int wanted = word == "all" ? count(peer) : word is null ? 1 : (int)ScriptCommand.ParseNumber(word);
        if (count(peer) < wanted || wanted == 0)
        {
            throw new ScenarioException($"peer {peer.Id} has {count(peer)} under way");
        }

        for (int i = 0; i < wanted; i++)
        {
            one(peer);
        }
    }

    /// <summary><c>deliver kind=append from=1 to=2 max=1</c>: of what is on the wire now, in its order.</summary>
    private void TakeFromWire(ScriptCommand command, Action<Message> each)
    {
        int max = (int)command.Number("max", int.MaxValue);
        Func<Message, bool> filter = Filter(command);
        Message[] taken = [.. _wire.Where(filter).Take(max)];
        if (taken.Length == 0)
        {
            throw new ScenarioException($"\"{command.Text}\": no such message is on the wire");
        }

        foreach (Message message in taken)
        {
            _wire.Remove(message);
            each(message);
        }
    }

    /// <summary>The newest message of the kind since the last mark arrives (again); with <c>back=1</c> the one
    /// before it.</summary>
    private void Repeat(ScriptCommand command)
    {
        int back = (int)command.Number("back", 0);
        Message[] sent = [.. _sent.Where(Filter(command))];
        Deliver(back < sent.Length
            ? sent[^(back + 1)]
            : throw new ScenarioException("no such message was sent since the last mark"));
    }

    /// <summary>Reads <c>kind= from= to= term= id=</c>; kinds may be several, answers stand with yes or no.</summary>
    private static Func<Message, bool> Filter(ScriptCommand command)
    {
        string[]? kinds = command.Option("kind")?.Split(',');
        IReadOnlyList<PeerId> from = command.Peers("from");
        IReadOnlyList<PeerId> to = command.Peers("to");
        ulong term = command.Number("term", 0);
        ulong readId = command.Number("id", 0);
        return message => (kinds is null || kinds.Contains(ScriptWords.KindOf(message)))
            && IsAmong(from, message.From) && IsAmong(to, message.To) && (term == 0 || message.Term.Value == term)
            && (readId == 0 || message.ReadId == readId);
    }

    /// <summary>A snapshot that someone sent by hand: <c>send-snapshot 1 3</c>, or an older one with
    /// <c>index=11</c>.</summary>
    private void SendSnapshot(ScriptCommand command)
    {
        ScriptPeer from = RunningPeer(command.Peer());
        PeerId to = command.Peer();
        ulong index = command.Number("index", from.NewestSnapshot().Meta.Index.Value);
        (SnapshotMeta meta, _) = from.SnapshotAt(new LogIndex(index))
            ?? throw new ScenarioException($"peer {from.Id} never had a snapshot {index}");
        Send(
            [
                new Message
                {
                    Kind = MessageKind.Snapshot,
                    From = from.Config.Id,
                    To = to,
                    Term = from.Core.Term,
                    Snapshot = meta,
                },
            ],
            "");
    }
}
