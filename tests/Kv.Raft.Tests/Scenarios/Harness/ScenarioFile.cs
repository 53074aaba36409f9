// Owns the form of a scenario file. Lines that start with "> " are commands; the lines right under a command that start
// with two spaces are its golden transcript; "#" starts a comment, and empty lines are as free. Nothing else may stand
// in such a file. With KV_SCENARIO_REWRITE=1 the transcripts are written anew into the source tree, for a reader to
// judge the difference; expectations are judged all the same.
using Kv.Base;

namespace Kv.Raft.Tests.Scenarios.Harness;

internal static class ScenarioFile
{
    private const string CommandStart = "> ";
    private const string TranscriptStart = "  ";

    /// <summary>
    /// Plays <paramref name="lines"/> and returns them with the transcripts that came out. Throws at the first line
    /// that differs, unless <paramref name="rewrite"/>: then at the end, and only for expectations.
    /// </summary>
    public static IReadOnlyList<string> Play(
        string name,
        IReadOnlyList<string> lines,
        IScript script,
        bool rewrite,
        Action<IReadOnlyList<string>>? save = null)
    {
        var played = new List<string>();
        var failures = new List<string>();
        var transcript = new Transcript();
        int at = 0;
        while (at < lines.Count)
        {
            string line = lines[at];
            played.Add(line);
            at++;
            if (!line.StartsWith(CommandStart, StringComparison.Ordinal))
            {
                RequireProse(name, at, line);
                continue;
            }

            int commandLine = at;
            if (Run(script, transcript, line[CommandStart.Length..]) is { } failure)
            {
                failures.Add($"{name}:{commandLine}: {failure}");
            }

            string[] actual = [.. transcript.TakeLines().Select(each => TranscriptStart + each)];
            played.AddRange(actual);
            int expectedStart = at;
            while (at < lines.Count && lines[at].StartsWith(TranscriptStart, StringComparison.Ordinal))
            {
                at++;
            }

            if (!rewrite)
            {
                ThrowAny(failures);
                Compare(name, expectedStart + 1, [.. lines.Skip(expectedStart).Take(at - expectedStart)], actual, line);
            }
        }

        save?.Invoke(played);
        ThrowAny(failures);
        return played;
    }

    private static string? Run(IScript script, Transcript transcript, string text)
    {
        try
        {
            var command = new ScriptCommand(text);
            script.Run(command, transcript);
            command.RequireAllUsed();
            return null;
        }
        catch (ScenarioException e)
        {
            return e.Message;
        }
        catch (InvariantViolationException e)
        {
            return $"\"{text}\" breaks an invariant of the core: {e}";
        }
    }

    private static void RequireProse(string name, int number, string line)
    {
        if (line.Length > 0 && line[0] != '#')
        {
            throw new ScenarioException($"{name}:{number}: neither command, comment nor transcript: \"{line}\"");
        }
    }

    private static void ThrowAny(List<string> failures)
    {
        if (failures.Count > 0)
        {
            throw new ScenarioException(string.Join('\n', failures));
        }
    }

    private static void Compare(
        string name, int firstNumber, string[] expected, string[] actual, string command)
    {
        for (int i = 0; i < Math.Max(expected.Length, actual.Length); i++)
        {
            string? wanted = i < expected.Length ? expected[i] : null;
            string? got = i < actual.Length ? actual[i] : null;
            if (wanted != got)
            {
                throw new ScenarioException(
                    $"{name}:{firstNumber + i}: \"{command}\" went otherwise\n"
                    + $"  expected: {wanted?.Trim() ?? "(nothing more)"}\n"
                    + $"  happened: {got?.Trim() ?? "(nothing more)"}\n"
                    + $"the whole transcript of this command:\n{string.Join('\n', actual)}");
            }
        }
    }
}
