using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>
/// Membership without a group: one configuration, the changes made to it, and the progress a leader keeps beside it.
/// After each change: the result is valid, and every majority of before meets every majority of after.
/// </summary>
internal sealed class MembershipScript : IScript
{
    private static readonly RaftConfig Config = new() { Id = new PeerId(1), Seed = 1, StartedAt = Instant.Zero };

    private PeerTracker _tracker = new(new ConfState([], [], [], [], false));
    private bool _refused;

    public void Run(ScriptCommand command, Transcript transcript)
    {
        switch (command.Name)
        {
            case "members":
                var conf = new ConfState(command.Peers("voters"), command.Peers("learners"), [], [], false);
                _tracker = new PeerTracker(conf);
                _tracker.StartProgress(new LogIndex(1), Config);
                break;
            case "change":
                Change(command.Change(), transcript);
                break;
            case "ack":
                Progress(command.Peer()).MaybeUpdate(new LogIndex(command.Number()));
                break;
            case "progress":
                foreach (Progress each in _tracker.Progress)
                {
                    transcript.Line($"{each.Id} match {each.Match} next {each.Next}");
                }

                break;
            case "decode":
                Decode(command, transcript);
                break;
            case "expect":
                Expect(command);
                break;
            default:
                throw new ScenarioException($"no command is called \"{command.Name}\"");
        }
    }

    private void Change(ConfChange change, Transcript transcript)
    {
        ConfState before = _tracker.Conf;
        ConfState? after = ConfChanger.Apply(before, change);
        _refused = after is null;
        if (after is null)
        {
            transcript.Line("refused");
            return;
        }

        if (!ConfCheck.IsValid(after) || !AlwaysMeet(before, after))
        {
            throw new ScenarioException($"not safe: {ScriptWords.Conf(before)} to {ScriptWords.Conf(after)}");
        }

        _tracker.SetConf(after);
        _tracker.AlignProgress(new LogIndex(1), Config);
        transcript.Line(ScriptWords.Conf(after));
    }

    /// <summary>Writes an entry's bytes by hand, as a broken or newer program might.</summary>
    private void Decode(ScriptCommand command, Transcript transcript)
    {
        byte[] bytes = ConfChange.Of(new ConfChangeStep(
            (ConfChangeKind)command.Number("kind", 1), new PeerId(command.Number("peer", 1)))).Encode();
        bytes[0] = (byte)command.Number("version", bytes[0]);
        bytes[1] = (byte)command.Number("transition", bytes[1]);
        bytes[2] = (byte)command.Number("steps", bytes[2]);
        _refused = !ConfChange.TryDecode(bytes, out ConfChange change);
        transcript.Line($"{Convert.ToHexString(bytes)}: {(_refused ? "refused" : ScriptWords.Change(change))}");
    }

    private void Expect(ScriptCommand command)
    {
        string what = command.Word();
        bool holds = what switch
        {
            "refused" => _refused,
            "accepted" => !_refused,
            "match" => Progress(command.Peer()).Match.Value == command.Number(),
            "no-progress" => _tracker.Find(command.Peer()) is null,
            "conf" => ScriptWords.Conf(_tracker.Conf) == ScriptWords.Conf(new ConfState(
                command.Peers("voters"), command.Peers("learners"), command.Peers("outgoing"), command.Peers("next"),
                command.Flag("autoleave"))),
            _ => throw new ScenarioException($"nothing to expect is called \"{what}\""),
        };
        if (!holds)
        {
            throw new ScenarioException($"\"{command.Text}\" is not so: {ScriptWords.Conf(_tracker.Conf)}");
        }
    }

    private Progress Progress(PeerId peer) =>
        _tracker.Find(peer) ?? throw new ScenarioException($"there is no progress of {peer}");

    private static bool AlwaysMeet(ConfState one, ConfState other)
    {
        PeerId[] all = [.. one.Voters.Concat(one.VotersOutgoing).Concat(other.Voters).Distinct().Order()];
        for (int mask = 0; mask < 1 << all.Length; mask++)
        {
            int bits = mask;
            PeerId[] side = [.. all.Where((_, i) => (bits >> i & 1) != 0)];
            if (Decides(one, side) && Decides(other, [.. all.Except(side)]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Decides(ConfState conf, PeerId[] side) =>
        HasMajority(conf.Voters, side) && (conf.VotersOutgoing.Count == 0 || HasMajority(conf.VotersOutgoing, side));

    private static bool HasMajority(IReadOnlyList<PeerId> voters, PeerId[] side) =>
        voters.Count(side.Contains) * 2 > voters.Count;
}
