// Owns the second judgement of a history, for runs where the order in which writes took effect is known. It shares no
// code with the search for a linearization, so that each guards the other. Replays in one pass, and takes for each read
// as many steps as writes took effect while it was open, besides sorting reads by time.
using System.Globalization;
using Kv.Base;

namespace Kv.Testing.History;

/// <summary>One write, the moment it took effect (on the first store that applied it).</summary>
/// <param name="OperationId">Of the operation in the history.</param>
/// <param name="Position">Strictly rises from one write of an object to the next.</param>
/// <param name="Time">By the clock of the history.</param>
/// <param name="Result">
/// What apply answered. May be null (not looked at) where the history tells whether the write took effect, or where its
/// condition does not hang on a revision that nobody told.
/// </param>
public sealed record AppliedWrite(long OperationId, long Position, long Time, OperationResult? Result = null);

public sealed class ApplyOrderOracle
{
    private readonly List<AppliedWrite> _applied = [];
    private readonly List<string> _problems = [];
    private readonly Dictionary<long, HistoryOperation> _operations = [];
    private readonly HashSet<long> _tookEffect = [];

    /// <summary>
    /// Fed in the order of apply. A failed conditional write need not be fed: then it is judged as a read.
    /// </summary>
    public void OnApplied(AppliedWrite write) => _applied.Add(write);

    /// <summary>What is wrong, in words; empty = nothing.</summary>
    public IReadOnlyList<string> Check(IReadOnlyList<HistoryOperation> history)
    {
        _problems.Clear();
        _operations.Clear();
        _tookEffect.Clear();
        foreach (HistoryOperation operation in history)
        {
            Invariant.Require(_operations.TryAdd(operation.Id, operation), $"two operations of id {operation.Id}");
        }

        var timelines = new Dictionary<(string, bool), Timeline>();
        foreach (AppliedWrite write in _applied)
        {
            Replay(write, timelines);
        }

        foreach (HistoryOperation operation in history)
        {
            if (!_tookEffect.Contains(operation.Id) && operation.Result is { Succeeded: true } && !operation.IsRead)
            {
                Report($"acknowledged, and never took effect: {operation}");
            }
        }

        foreach (IGrouping<(string Key, bool), HistoryOperation> reads in history
            .Where(operation => operation.Result is not null && !_tookEffect.Contains(operation.Id))
            .Where(operation => operation.IsRead || !operation.Result!.Succeeded)
            .GroupBy(operation => (operation.Key, operation.IsOfSequence)))
        {
            CheckReads(TimelineOf(timelines, reads.Key), [.. reads.OrderBy(read => read.CallTime)]);
        }

        return _problems;
    }

    private static Timeline TimelineOf(Dictionary<(string, bool), Timeline> timelines, (string, bool) key)
    {
        if (!timelines.TryGetValue(key, out Timeline? timeline))
        {
            timeline = new Timeline();
            timelines.Add(key, timeline);
        }

        return timeline;
    }

    private void Replay(AppliedWrite write, Dictionary<(string, bool), Timeline> timelines)
    {
        if (!_operations.TryGetValue(write.OperationId, out HistoryOperation? operation))
        {
            Report($"took effect at {write.Position}, and nobody called it or it was reported failed: {write}");
            return;
        }

        if (!_tookEffect.Add(operation.Id))
        {
            Report($"took effect a second time at {write.Position}: {operation}");
        }

        if (write.Time < operation.CallTime || write.Time > operation.ReturnTime)
        {
            Report($"took effect at time {write.Time}, not between call and return: {operation}");
        }

        Timeline timeline = TimelineOf(timelines, (operation.Key, operation.IsOfSequence));
        Version current = timeline.Versions[^1];
        if (write.Position <= current.Position || write.Time < current.Time)
        {
            Report($"position {write.Position} at time {write.Time} after {current.Position} at {current.Time}");
        }

        if (operation.ReturnTime < timeline.LastCall)
        {
            Report($"returned before the call of a write that took effect earlier: {operation}");
        }

        timeline.LastCall = Math.Max(timeline.LastCall, operation.CallTime);
        CheckResult(operation, current, operation.Result, "the client was told");
        CheckResult(operation, current, write.Result, "apply answered");
        timeline.Versions.Add(Next(operation, current, write, timeline));
    }

    private void CheckResult(HistoryOperation operation, in Version current, OperationResult? result, string who)
    {
        if (result is not null && !Explains(current, operation, result))
        {
            Report(
                $"{who} '{HistoryText.Print(operation with { Result = result })}', "
                + $"but the state was {current.Describe(operation.IsOfSequence)}");
        }
    }

    private Version Next(HistoryOperation operation, in Version current, AppliedWrite write, Timeline timeline)
    {
        Version next = current with { Position = write.Position, Time = write.Time, ReturnTime = operation.ReturnTime };
        if (!TakesEffect(current, operation, operation.Result ?? write.Result))
        {
            return next;
        }

        switch (operation.Kind)
        {
            case OperationKind.Sequence:
                return next with { Sequence = current.Sequence + operation.Number };
            case OperationKind.SequenceReset:
                return next with { Sequence = operation.Number };
        }

        long told = operation.Result?.Revision ?? 0;
        long answered = write.Result?.Revision ?? 0;
        long revision = told != 0 ? told : answered;
        if ((told != 0 && answered != 0 && told != answered) || (revision != 0 && revision <= timeline.LastRevision))
        {
            Report($"revision {answered} of apply after {timeline.LastRevision}: {operation}");
        }

        timeline.LastRevision = Math.Max(timeline.LastRevision, revision);
        return next with { Value = operation.Value, Revision = revision };
    }

    /// <summary>
    /// Reads in the order of calls. Each is put at the first position that explains it, not before a write or a read
    /// that had returned before its call, and not after what had taken effect at its return. The first one that fits
    /// leaves the most to later reads.
    /// </summary>
    private void CheckReads(Timeline timeline, HistoryOperation[] reads)
    {
        Version[] versions = [.. timeline.Versions];
        int[] byReturn = Enumerable.Range(1, versions.Length - 1).OrderBy(i => versions[i].ReturnTime).ToArray();
        int[] readsByReturn = Enumerable.Range(0, reads.Length).OrderBy(i => reads[i].ReturnTime).ToArray();
        int[] places = new int[reads.Length];
        int writesReturned = 0;
        int readsReturned = 0;
        int least = 0;
        for (int i = 0; i < reads.Length; i++)
        {
            HistoryOperation read = reads[i];
            while (writesReturned < byReturn.Length && versions[byReturn[writesReturned]].ReturnTime < read.CallTime)
            {
                least = Math.Max(least, byReturn[writesReturned++]);
            }

            while (readsReturned < reads.Length && reads[readsByReturn[readsReturned]].ReturnTime < read.CallTime)
            {
                least = Math.Max(least, places[readsByReturn[readsReturned++]]);
            }

            int place = least;
            while (place < versions.Length && versions[place].Time <= read.ReturnTime
                && !Explains(versions[place], read, read.Result!))
            {
                place++;
            }

            if (place == versions.Length || versions[place].Time > read.ReturnTime)
            {
                Report(
                    $"no state from position {versions[least].Position} to its return explains: {read}; "
                    + $"the first of them was {versions[least].Describe(read.IsOfSequence)}");
                place = least;
            }

            places[i] = place;
        }
    }

    /// <summary>
    /// Whether a client may get this answer in this state. A revision that nobody told fits every answer.
    /// </summary>
    private static bool Explains(in Version state, HistoryOperation operation, OperationResult result)
    {
        if (operation.IsOfSequence)
        {
            return (result.Start is null || result.Start == state.Sequence)
                && (operation.Kind is OperationKind.SequenceReset
                    || result.Succeeded == (operation.Number <= long.MaxValue - state.Sequence));
        }

        if (result.Seen is { } seen)
        {
            bool sameValue = seen.Found == state.Value is not null
                && (seen.Value is null || seen.Value == state.Value);
            bool sameRevision = !seen.Found || seen.Revision == 0 || state.Revision == 0
                || seen.Revision == state.Revision;
            if (!sameValue || !sameRevision)
            {
                return false;
            }
        }

        return Meets(state, operation) is not { } meets || meets == result.Succeeded;
    }

    private static bool TakesEffect(in Version state, HistoryOperation operation, OperationResult? result)
    {
        if (operation.IsOfSequence)
        {
            return operation.Kind is OperationKind.SequenceReset || operation.Number <= long.MaxValue - state.Sequence;
        }

        bool? meets = Meets(state, operation) ?? result?.Succeeded;
        Invariant.Require(meets is not null, $"apply must tell whether it took effect: {operation}");
        return !operation.IsRead && meets.Value;
    }

    /// <summary>Whether the condition holds; null when that hangs on a revision that nobody told.</summary>
    private static bool? Meets(in Version state, HistoryOperation operation)
    {
        if (operation.Kind is OperationKind.PutIfAbsent)
        {
            return state.Value is null;
        }

        return operation.Expected switch
        {
            null => true,
            { Kind: ExpectationKind.Absent } => state.Value is null,
            { Kind: ExpectationKind.Value } expected => state.Value == expected.Value,
            _ when state.Value is null => false,
            _ when state.Revision == 0 => null,
            { } expected => state.Revision == expected.Revision,
        };
    }

    private void Report(string problem) => _problems.Add(problem);

    private sealed class Timeline
    {
        public List<Version> Versions { get; } = [new Version { Position = long.MinValue, Time = long.MinValue }];

        public long LastCall { get; set; } = long.MinValue;

        public long LastRevision { get; set; }
    }

    /// <summary>The state after one write took effect.</summary>
    private readonly record struct Version
    {
        public long Position { get; init; }

        public long Time { get; init; }

        /// <summary>Of the write that made it.</summary>
        public long ReturnTime { get; init; }

        public string? Value { get; init; }

        /// <summary>0 = nobody told.</summary>
        public long Revision { get; init; }

        public long Sequence { get; init; }

        public string Describe(bool ofSequence) => ofSequence
            ? string.Create(CultureInfo.InvariantCulture, $"sequence {Sequence}")
            : string.Create(CultureInfo.InvariantCulture, $"'{Value ?? "none"}' r{Revision}");
    }
}
