using System.Globalization;
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>
/// One command line: a name, words, and options (<c>key=value</c>). Whatever a command does not ask for is an error, so
/// that a slip of the pen in a script cannot pass unseen.
/// </summary>
internal sealed class ScriptCommand
{
    private readonly List<string> _words = [];
    private readonly SortedDictionary<string, string> _options = new(StringComparer.Ordinal);

    public ScriptCommand(string text)
    {
        Text = text;
        string[] parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0)
        {
            throw new ScenarioException("an empty command");
        }

        Name = parts[0];
        foreach (string part in parts[1..])
        {
            int at = part.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || part[at - 1] is '<' or '>')
            {
                _words.Add(part);
            }
            else if (!_options.TryAdd(part[..at], part[(at + 1)..]))
            {
                throw new ScenarioException($"option {part[..at]} stands twice");
            }
        }
    }

    public string Text { get; }

    public string Name { get; }

    public bool HasWord => _words.Count > 0;

    /// <summary>The next word; an error when there is none.</summary>
    public string Word()
    {
        if (_words.Count == 0)
        {
            throw new ScenarioException($"\"{Text}\" needs one more word");
        }

        string word = _words[0];
        _words.RemoveAt(0);
        return word;
    }

    public string? MaybeWord() => HasWord ? Word() : null;

    /// <summary>Takes <paramref name="word"/> if it stands anywhere among the words.</summary>
    public bool Flag(string word) => _words.Remove(word);

    public string? Option(string key) => _options.Remove(key, out string? value) ? value : null;

    public ulong Number() => ParseNumber(Word());

    public ulong Number(string key, ulong otherwise) => Option(key) is { } text ? ParseNumber(text) : otherwise;

    public PeerId Peer() => new(Number());

    public IReadOnlyList<PeerId> Peers(string key) => Option(key) is { } text ? ParsePeers(text) : [];

    /// <summary>Nothing may be left that nobody asked for.</summary>
    public void RequireAllUsed()
    {
        if (_words.Count > 0 || _options.Count > 0)
        {
            string rest = string.Join(" ", _words.Concat(_options.Keys));
            throw new ScenarioException($"\"{Text}\": nobody asked for \"{rest}\"");
        }
    }

    public static ulong ParseNumber(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw new ScenarioException($"\"{text}\" is no number");

    /// <summary>Reads <c>1,2,5-7</c>; a dash or nothing for the empty list.</summary>
    public static IReadOnlyList<PeerId> ParsePeers(string text)
    {
        var peers = new List<PeerId>();
        foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "-")
            {
                continue;
            }

            string[] ends = part.Split('-');
            for (ulong id = ParseNumber(ends[0]); id <= ParseNumber(ends[^1]); id++)
            {
                peers.Add(new PeerId(id));
            }
        }

        return peers;
    }

    /// <summary>Reads <c>11/2</c>: index and term.</summary>
    public static (LogIndex Index, Term Term) ParsePlace(string text)
    {
        string[] parts = text.Split('/');
        return parts.Length == 2
            ? (new LogIndex(ParseNumber(parts[0])), new Term(ParseNumber(parts[1])))
            : throw new ScenarioException($"\"{text}\" is no index/term");
    }

    /// <summary>Reads the steps of a change from the words that are left: <c>voter:4 learner:5 remove:3</c>.</summary>
    public IReadOnlyList<ConfChangeStep> Steps()
    {
        var steps = new List<ConfChangeStep>();
        while (HasWord)
        {
            string[] parts = Word().Split(':');
            ConfChangeKind kind = parts[0] switch
            {
                "voter" => ConfChangeKind.AddVoter,
                "learner" => ConfChangeKind.AddLearner,
                "remove" => ConfChangeKind.RemovePeer,
                _ => throw new ScenarioException($"\"{parts[0]}\" is no step: voter, learner or remove"),
            };
            steps.Add(new ConfChangeStep(kind, new PeerId(ParseNumber(parts[^1]))));
        }

        return steps;
    }

    /// <summary>Reads a change: <c>leave</c>, or steps with <c>how=auto|implicit|explicit</c>.</summary>
    public ConfChange Change()
    {
        if (Flag("leave"))
        {
            return ConfChange.LeaveJoint;
        }

        ConfTransition transition = Option("how") switch
        {
            null or "auto" => ConfTransition.Auto,
            "implicit" => ConfTransition.JointImplicit,
            "explicit" => ConfTransition.JointExplicit,
            { } other => throw new ScenarioException($"\"{other}\" is no transition"),
        };
        return new ConfChange(Steps(), transition, ReadOnlyMemory<byte>.Empty);
    }
}
