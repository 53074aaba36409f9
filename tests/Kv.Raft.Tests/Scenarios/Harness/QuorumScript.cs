using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>
/// Tables of quorum arithmetic. Each row names its own answer (<c>is=</c>); it is compared with a slow definition, with
/// the two halves swapped, and, when there is one half only, with that half twice.
/// </summary>
internal sealed class QuorumScript : IScript
{
    public void Run(ScriptCommand command, Transcript transcript)
    {
        IReadOnlyList<PeerId> incoming = command.Peers("voters");
        IReadOnlyList<PeerId> outgoing = command.Peers("outgoing");
        PeerId[] all = [.. incoming.Concat(outgoing).Distinct().Order()];
        string wanted = command.Option("is") ?? throw new ScenarioException("a row says what it is=");
        string actual = command.Name switch
        {
            "committed" => Committed(incoming, outgoing, all, AnswersOf(command.Option("acks"), all), transcript),
            "vote" => Vote(incoming, outgoing, all, AnswersOf(command.Option("votes"), all), transcript),
            _ => throw new ScenarioException($"no command is called \"{command.Name}\""),
        };
        if (wanted != actual)
        {
            throw new ScenarioException($"\"{command.Text}\" is {actual}");
        }
    }

    private static string Committed(
        IReadOnlyList<PeerId> incoming,
        IReadOnlyList<PeerId> outgoing,
        PeerId[] all,
        string[] acks,
        Transcript transcript)
    {
        ulong?[] known = [.. acks.Select(ack => ack == "-" ? (ulong?)null : ScriptCommand.ParseNumber(ack))];
        ulong now = Ask(incoming, outgoing, new Acks(all, known, 0));
        ulong most = Ask(incoming, outgoing, new Acks(all, known, ulong.MaxValue));
        TellAnswers(all, acks, transcript);
        transcript.Line(now == most ? $"{Words(now)}, final" : $"{Words(now)}, may rise to {Words(most)}");
        return Words(now);
    }

    private static ulong Ask(IReadOnlyList<PeerId> incoming, IReadOnlyList<PeerId> outgoing, Acks acks)
    {
        ulong value = Config(incoming, outgoing).QuorumValue(acks);
        Require(value == Config(outgoing, incoming).QuorumValue(acks), "swapping the halves changes it");
        Require(
            value == Math.Min(SlowCommitted(incoming, acks), SlowCommitted(outgoing, acks)), "the definition differs");
        Require(
            outgoing.Count > 0 || value == Config(incoming, incoming).QuorumValue(acks), "twice the same half differs");
        return value;
    }

    /// <summary>The largest acknowledged number that more than half have reached.</summary>
    private static ulong SlowCommitted(IReadOnlyList<PeerId> voters, Acks acks)
    {
        ulong best = voters.Count == 0 ? ulong.MaxValue : 0;
        foreach (PeerId each in voters)
        {
            ulong candidate = acks.ValueOf(each);
            int reached = voters.Count(other => acks.ValueOf(other) >= candidate);
            best = 2 * reached > voters.Count ? Math.Max(best, candidate) : best;
        }

        return best;
    }

    private static string Vote(
        IReadOnlyList<PeerId> incoming,
        IReadOnlyList<PeerId> outgoing,
        PeerId[] all,
        string[] answers,
        Transcript transcript)
    {
        bool?[] known = [.. answers.Select(answer => answer switch
        {
            "y" => true,
            "n" => false,
            "-" => (bool?)null,
            _ => throw new ScenarioException($"\"{answer}\" is no vote"),
        })];
        var votes = new Votes(all, known);
        VoteOutcome outcome = Config(incoming, outgoing).Tally(votes);
        Require(outcome == Config(outgoing, incoming).Tally(votes), "swapping the halves changes it");
        Require(outcome == SlowOutcome(incoming, outgoing, all, known), "the definition differs");
        Require(outgoing.Count > 0 || outcome == Config(incoming, incoming).Tally(votes), "twice the half differs");
        TellAnswers(all, answers, transcript);
        transcript.Line(Words(outcome));
        return Words(outcome);
    }

    /// <summary>Tries every way the missing answers can still come: all won, none won, or both are possible.</summary>
    private static VoteOutcome SlowOutcome(
        IReadOnlyList<PeerId> incoming, IReadOnlyList<PeerId> outgoing, PeerId[] all, bool?[] known)
    {
        bool somewhereWon = false;
        bool somewhereNotWon = false;
        for (int mask = 0; mask < 1 << all.Length; mask++)
        {
            PeerId[] granted = [.. all.Where((_, i) => known[i] ?? ((mask >> i & 1) != 0))];
            bool won = IsMajority(incoming, granted) && IsMajority(outgoing, granted);
            somewhereWon |= won;
            somewhereNotWon |= !won;
        }

        return !somewhereNotWon ? VoteOutcome.Won : somewhereWon ? VoteOutcome.Pending : VoteOutcome.Lost;
    }

    private static bool IsMajority(IReadOnlyList<PeerId> voters, PeerId[] granted) =>
        voters.Count == 0 || 2 * voters.Count(granted.Contains) > voters.Count;

    private static void TellAnswers(PeerId[] all, string[] answers, Transcript transcript) => transcript.Line(
        all.Length == 0 ? "nobody" : string.Join("  ", all.Select((peer, i) => $"{peer}:{answers[i]}")));

    private static string[] AnswersOf(string? text, PeerId[] all)
    {
        string[] answers = text?.Split(',') ?? [];
        return answers.Length == all.Length
            ? answers
            : throw new ScenarioException($"{all.Length} voters and {answers.Length} answers");
    }

    private static JointConfig Config(IReadOnlyList<PeerId> incoming, IReadOnlyList<PeerId> outgoing) =>
        new(new MajorityConfig(incoming), new MajorityConfig(outgoing));

    private static string Words(ulong value) =>
        value == ulong.MaxValue ? "everything" : value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string Words(VoteOutcome outcome) => outcome switch
    {
        VoteOutcome.Pending => "pending",
        VoteOutcome.Won => "won",
        VoteOutcome.Lost => "lost",
        _ => throw Invariant.Unreachable(outcome),
    };

    private static void Require(bool holds, string problem)
    {
        if (!holds)
        {
            throw new ScenarioException(problem);
        }
    }

    private readonly struct Acks(PeerId[] peers, ulong?[] known, ulong unknown) : IQuorumValues
    {
        public ulong ValueOf(PeerId voter) => known[Array.IndexOf(peers, voter)] ?? unknown;
    }

    private readonly struct Votes(PeerId[] peers, bool?[] known) : IVoteValues
    {
        public bool? VoteOf(PeerId voter) => known[Array.IndexOf(peers, voter)];
    }
}
