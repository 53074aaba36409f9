// Owns the one history that all clients of a run write, its clock, and the counts. The clock is read before a call is
// noted and before its end is: so what stands in the history is never narrower than what happened.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Kv.Testing.History;

namespace Kv.Cluster.Tests.Histories;

/// <summary>How a client's operation ended.</summary>
internal enum CallEnd
{
    /// <summary>With an answer, or with as much of it as was asked for.</summary>
    Answered,

    /// <summary>A condition did not hold.</summary>
    NotMet,

    /// <summary>At least one write of it may have taken effect or not.</summary>
    Unknown,

    /// <summary>At least one write or read of it was not done, and never will be.</summary>
    Failed,
}

/// <summary>Safe for use by any number of threads.</summary>
internal sealed class SharedHistory
{
    private readonly Lock _lock = new();
    private readonly HistoryRecorder _recorder = new();
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly SortedDictionary<string, long[]> _counts = new(StringComparer.Ordinal);
    private readonly HashSet<string> _valuesWithoutEffect = new(StringComparer.Ordinal);
    private readonly Dictionary<long, string> _valuesPut = [];
    private readonly List<string> _problems = [];
    private long _answered;

    /// <summary>Of a monotonic clock, the same for all clients of this process; since the run began.</summary>
    public long Now => Stopwatch.GetTimestamp() - _began;

    /// <summary>
    /// Operations of clients that ended with an answer so far, conditions that did not hold included.
    /// </summary>
    public long Answered => Interlocked.Read(ref _answered);

    public long Called(
        int client, int key, OperationKind kind, string? value = null, Expectation? expected = null, long number = 0)
    {
        long now = Now;
        lock (_lock)
        {
            long id = _recorder.Called(client, HistoryKeys.Name(key), kind, now, value, expected, number);
            if (value is not null)
            {
                _valuesPut.Add(id, value);
            }

            return id;
        }
    }

    public void Returned(long id, OperationResult result) => Returned(id, Now, result);

    public void Returned(long id, long now, OperationResult result)
    {
        lock (_lock)
        {
            _recorder.Returned(id, now, result);
        }
    }

    /// <summary>Notes a read afterwards.</summary>
    public void Saw(int client, int key, OperationKind kind, long from, long to, Observation seen)
    {
        lock (_lock)
        {
            long id = _recorder.Called(client, HistoryKeys.Name(key), kind, from);
            _recorder.Returned(id, to, new OperationResult { Seen = seen });
        }
    }

    public void EndedUnknown(long id)
    {
        lock (_lock)
        {
            _recorder.EndedUnknown(id);
        }
    }

    /// <summary>
    /// A definite failure: it leaves the history, but a value it would have put must never be seen.
    /// </summary>
    public void EndedWithoutEffect(long id)
    {
        lock (_lock)
        {
            _recorder.EndedWithoutEffect(id);
            if (_valuesPut.TryGetValue(id, out string? value))
            {
                _valuesWithoutEffect.Add(value);
            }
        }
    }

    public void Count(string kind, CallEnd end)
    {
        lock (_lock)
        {
            if (!_counts.TryGetValue(kind, out long[]? counts))
            {
                counts = new long[Enum.GetValues<CallEnd>().Length];
                _counts.Add(kind, counts);
            }

            counts[(int)end]++;
        }

        if (end is CallEnd.Answered or CallEnd.NotMet)
        {
            Interlocked.Increment(ref _answered);
        }
    }

    /// <summary>What no history can express: bytes that nobody put, keys that nobody has.</summary>
    public void Report(string problem)
    {
        lock (_lock)
        {
            _problems.Add(problem);
        }
    }

    public IReadOnlyList<HistoryOperation> Operations()
    {
        lock (_lock)
        {
            return _recorder.History();
        }
    }

    /// <summary>
    /// What was reported, and the values of writes that failed for certain and were seen all the same.
    /// </summary>
    public IReadOnlyList<string> Problems()
    {
        lock (_lock)
        {
            return
            [
                .. _problems,
                .. _recorder.History()
                    .Where(operation => operation.Result?.Seen?.Value is { } value
                        && _valuesWithoutEffect.Contains(value))
                    .Select(operation => $"the value of a write that was told to have failed was seen: {operation}"),
            ];
        }
    }

    public long Sum(CallEnd end)
    {
        lock (_lock)
        {
            return _counts.Values.Sum(counts => counts[(int)end]);
        }
    }

    /// <summary>Kinds of operations of which none got an answer.</summary>
    public IReadOnlyList<string> KindsWithoutAnswer()
    {
        lock (_lock)
        {
            return [.. _counts.Where(pair => pair.Value[(int)CallEnd.Answered] == 0).Select(pair => pair.Key)];
        }
    }

    /// <summary>A table: operations by kind and by how they ended.</summary>
    public string Table()
    {
        var text = new StringBuilder();
        Line(text, "", Enum.GetNames<CallEnd>());
        lock (_lock)
        {
            foreach ((string kind, long[] counts) in _counts)
            {
                Line(text, kind, counts.Select(Number));
            }
        }

        Line(text, "all", Enum.GetValues<CallEnd>().Select(end => Number(Sum(end))));
        return text.ToString().TrimEnd('\n');
    }

    private static void Line(StringBuilder text, string name, IEnumerable<string> cells)
    {
        text.Append(name.PadRight(26));
        foreach (string cell in cells)
        {
            text.Append(cell.PadLeft(10));
        }

        text.Append('\n');
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
