using System.Globalization;
using System.Text;
using Kv.Base;

namespace Kv.Testing.History;

/// <summary>
/// Histories as text, the same when read and written, so that what a verdict prints can be pasted into a test. One
/// operation is <c>c1 put k x [0,10] -> ok r5</c>: client, kind, key, inputs, call and return time, answer.
/// <list type="bullet">
/// <item><c>get k</c>, <c>exists k</c>; answers <c>none</c>, <c>x</c>, <c>x r5</c>, <c>yes</c> (value not told)</item>
/// <item><c>put k x</c>, <c>delete k</c>, <c>delrange k</c>, <c>getput k x</c>, <c>putabsent k x</c>,
/// <c>cas k EXPECTED x</c>, <c>cad k EXPECTED</c>, where EXPECTED is <c>absent</c>, <c>=x</c> or <c>#5</c> (a
/// revision); answers <c>ok</c> or <c>fail</c>, then the write's revision <c>r6</c>, then <c>was x r5</c></item>
/// <item><c>seq k 10</c> with answer <c>20</c> (the start) or <c>fail</c>; <c>reset k 7</c> with <c>ok</c></item>
/// <item><c>[0,?]</c> and no answer: outcome unknown</item>
/// </list>
/// Operations are separated by semicolons or lines; ids count from 0.
/// </summary>
public static class HistoryText
{
    private static readonly (OperationKind Kind, string Word)[] Words =
    [
        (OperationKind.Get, "get"), (OperationKind.Exists, "exists"), (OperationKind.Put, "put"),
        (OperationKind.Delete, "delete"), (OperationKind.PutIfAbsent, "putabsent"),
        (OperationKind.CompareAndPut, "cas"), (OperationKind.CompareAndDelete, "cad"),
        (OperationKind.GetAndPut, "getput"), (OperationKind.DeleteRange, "delrange"),
        (OperationKind.Sequence, "seq"), (OperationKind.SequenceReset, "reset"),
    ];

    public static HistoryOperation[] Parse(string text)
    {
        string[] lines = text.Split(
            [';', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var operations = new HistoryOperation[lines.Length];
        for (int i = 0; i < lines.Length; i++)
        {
            operations[i] = ParseOperation(lines[i], i);
        }

        return operations;
    }

    public static string Print(IEnumerable<HistoryOperation> history) =>
        string.Join('\n', history.Select(Print));

    public static string Print(HistoryOperation operation)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"c{operation.Client} {WordOf(operation.Kind)} {operation.Key}");
        if (operation.Expected is { } expected)
        {
            text.Append(' ').Append(expected.Kind switch
            {
                ExpectationKind.Value => "=" + Quote(expected.Value!),
                ExpectationKind.Revision => "#" + expected.Revision.ToString(CultureInfo.InvariantCulture),
                _ => "absent",
            });
        }

        if (operation.Value is { } value)
        {
            text.Append(' ').Append(Quote(value));
        }

        if (operation.IsOfSequence)
        {
            text.Append(CultureInfo.InvariantCulture, $" {operation.Number}");
        }

        text.Append(CultureInfo.InvariantCulture, $" [{operation.CallTime},");
        text.Append(operation.ReturnTime == long.MaxValue
            ? "?"
            : operation.ReturnTime.ToString(CultureInfo.InvariantCulture));
        text.Append(']');
        if (operation.Result is { } result)
        {
            text.Append(" -> ").Append(PrintResult(operation, result));
        }

        return text.ToString();
    }

    private static string PrintResult(HistoryOperation operation, OperationResult result)
    {
        if (operation.Kind is OperationKind.Get or OperationKind.Exists)
        {
            return result.Seen is { } read ? PrintSeen(read) : "?";
        }

        if (operation.Kind is OperationKind.Sequence && result is { Succeeded: true, Start: { } start })
        {
            return start.ToString(CultureInfo.InvariantCulture);
        }

        var text = new StringBuilder(result.Succeeded ? "ok" : "fail");
        if (result.Revision != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" r{result.Revision}");
        }

        if (result.Seen is { } seen)
        {
            text.Append(" was ").Append(PrintSeen(seen));
        }
        else if (result.Start is { } from)
        {
            text.Append(CultureInfo.InvariantCulture, $" was {from}");
        }

        return text.ToString();
    }

    private static string PrintSeen(Observation seen)
    {
        string text = !seen.Found ? "none" : seen.Value is { } value ? Quote(value) : "yes";
        return seen.Revision == 0 ? text : $"{text} r{seen.Revision.ToString(CultureInfo.InvariantCulture)}";
    }

    private static string Quote(string value) => value.Length == 0 ? "\"\"" : value;

    private static string Unquote(string word) => word == "\"\"" ? "" : word;

    private static string WordOf(OperationKind kind) => Words.First(pair => pair.Kind == kind).Word;

    private static HistoryOperation ParseOperation(string line, long id)
    {
        int arrow = line.IndexOf("->", StringComparison.Ordinal);
        var inputs = new Queue<string>(Split(arrow < 0 ? line : line[..arrow]));
        string client = inputs.Dequeue();
        string word = inputs.Dequeue();
        Invariant.Require(client[0] == 'c' && Words.Any(pair => pair.Word == word), $"not an operation: {line}");
        OperationKind kind = Words.First(pair => pair.Word == word).Kind;
        string key = inputs.Dequeue();
        bool expects = kind is OperationKind.CompareAndPut or OperationKind.CompareAndDelete;
        Expectation? expected = expects ? ParseExpectation(inputs.Dequeue()) : null;
        bool puts = kind is OperationKind.Put or OperationKind.PutIfAbsent or OperationKind.CompareAndPut
            or OperationKind.GetAndPut;
        string? value = puts ? Unquote(inputs.Dequeue()) : null;
        long number = kind is OperationKind.Sequence or OperationKind.SequenceReset ? Number(inputs.Dequeue()) : 0;
        string[] times = inputs.Dequeue().Trim('[', ']').Split(',');
        Invariant.Require(inputs.Count == 0 && times.Length == 2, $"not an operation: {line}");
        OperationResult? result = arrow < 0 ? null : ParseResult(kind, new Queue<string>(Split(line[(arrow + 2)..])));
        bool isUnknown = times[1] == "?";
        Invariant.Require(isUnknown == result is null, $"an answer exactly when it returned: {line}");
        return new HistoryOperation
        {
            Id = id,
            Client = (int)Number(client[1..]),
            Key = key,
            Kind = kind,
            Value = value,
            Expected = expected,
            Number = number,
            CallTime = Number(times[0]),
            ReturnTime = isUnknown ? long.MaxValue : Number(times[1]),
            Result = result,
        };
    }

    private static Expectation ParseExpectation(string word) => word[0] switch
    {
        '=' => Expectation.OfValue(Unquote(word[1..])),
        '#' => Expectation.OfRevision(Number(word[1..])),
        _ when word == "absent" => Expectation.Absent,
        _ => throw Invariant.Unreachable(word),
    };

    private static OperationResult ParseResult(OperationKind kind, Queue<string> words)
    {
        if (kind is OperationKind.Get or OperationKind.Exists)
        {
            return new OperationResult { Seen = ParseSeen(words) };
        }

        string first = words.Dequeue();
        if (kind is OperationKind.Sequence && first is not ("ok" or "fail"))
        {
            return new OperationResult { Start = Number(first) };
        }

        Invariant.Require(first is "ok" or "fail", $"not an answer: {first}");
        var result = new OperationResult { Succeeded = first == "ok", Revision = ParseRevision(words) };
        if (words.TryPeek(out string? was) && was == "was")
        {
            words.Dequeue();
            result = kind is OperationKind.Sequence or OperationKind.SequenceReset
                ? result with { Start = Number(words.Dequeue()) }
                : result with { Seen = ParseSeen(words) };
        }

        Invariant.Require(words.Count == 0, $"left over after an answer: {words.Count} words");
        return result;
    }

    private static Observation ParseSeen(Queue<string> words)
    {
        string word = words.Dequeue();
        return word switch
        {
            "none" => new Observation(Found: false),
            "yes" => new Observation(Found: true, Value: null, ParseRevision(words)),
            _ => new Observation(Found: true, Unquote(word), ParseRevision(words)),
        };
    }

    private static long ParseRevision(Queue<string> words) =>
        words.TryPeek(out string? word) && word.Length > 1 && word[0] == 'r' && char.IsAsciiDigit(word[1])
            ? Number(words.Dequeue()[1..])
            : 0;

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);

    private static string[] Split(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
