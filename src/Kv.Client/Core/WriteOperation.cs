// Owns one write from the caller: its mutations in order of keys, cut into calls of one region each. Invariants: calls
// cover the mutations exactly once; a call that was sent once is only ever cut, never joined with another (Once law).
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>Mutations of keys, each region's share taking effect together and at most once.</summary>
public sealed class WriteOperation : RegionOperation
{
    private const int MutationOverheadBytes = 16;

    private readonly Mutation[] _mutations;
    private readonly List<RegionCall> _calls = new(capacity: 1);
    private readonly bool _isBatch;
    private readonly bool _isPlain;
    private int _unfinished;

    private WriteOperation(Mutation[] mutations, bool isBatch)
    {
        _mutations = mutations;
        _isBatch = isBatch;
        _isPlain = Array.TrueForAll(mutations, static one => one.Kind is MutationKind.Put or MutationKind.Delete);
    }

    /// <summary>Revision of the first part; valid once completed without error.</summary>
    public ulong Revision => _calls.Count > 0 ? _calls[0].Revision : 0;

    /// <summary>The region of the first part; 0 = none.</summary>
    public ulong RegionId => _calls.Count > 0 ? _calls[0].Region?.Id ?? 0 : 0;

    /// <summary>
    /// Whether the first part took effect; false when a condition did not hold. Valid once completed without error.
    /// </summary>
    public bool Applied => _calls.Count == 0 || _calls[0].Outcome == BatchPartOutcome.Applied;

    /// <summary>Whether results of the first part are forgotten: it was a retry, and they were too large.</summary>
    public bool ResultsDropped => _calls.Count > 0 && _calls[0].Told is { ResultsDropped: true };

    /// <summary>What the only mutation of a single write saw; null when it has nothing to tell.</summary>
    public MutationResult? Result =>
        _calls.Count > 0 && _calls[0].Told is { Results.Count: > 0 } told ? told.Results[0] : null;

    internal override string Kind => "write";

    internal override bool IsWrite => true;

    /// <summary>
    /// Sets one key; both are copied. See <see cref="ClientOperation.TimeoutMs"/> and
    /// <see cref="ClientOperation.Completed"/> for the rest.
    /// </summary>
    public static WriteOperation Put(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> value,
        int timeoutMs = 0,
        Action<ClientOperation>? completed = null)
    {
        var mutation = new Mutation
        {
            Kind = MutationKind.Put,
            Key = ByteString.CopyFrom(key),
            Value = ByteString.CopyFrom(value),
        };
        return Single(mutation, timeoutMs, completed);
    }

    /// <summary>Deletes one key, which is copied.</summary>
    public static WriteOperation Delete(
        ReadOnlySpan<byte> key, int timeoutMs = 0, Action<ClientOperation>? completed = null) =>
        Single(new Mutation { Kind = MutationKind.Delete, Key = ByteString.CopyFrom(key) }, timeoutMs, completed);

    /// <summary>A write of one mutation, which must not be changed afterwards.</summary>
    public static WriteOperation Of(
        Mutation mutation, int timeoutMs = 0, Action<ClientOperation>? completed = null) =>
        Single(mutation, timeoutMs, completed);

    /// <summary>All mutations of a batch as it is now.</summary>
    public static WriteOperation Batch(
        WriteBatch batch, int timeoutMs = 0, Action<ClientOperation>? completed = null)
    {
        // A stable order: of several mutations of one key the last one added must stay last.
        var mutations = new Mutation[batch.Count];
        int[] places = new int[batch.Count];
        for (int i = 0; i < mutations.Length; i++)
        {
            mutations[i] = batch.Mutations[i];
            places[i] = i;
        }

        Mutation[] added = [.. mutations];
        Array.Sort(places, (a, b) =>
        {
            int order = added[a].Key.Span.SequenceCompareTo(added[b].Key.Span);
            return order != 0 ? order : a.CompareTo(b);
        });
        for (int i = 0; i < mutations.Length; i++)
        {
            mutations[i] = added[places[i]];
        }

        return new WriteOperation(mutations, isBatch: true) { TimeoutMs = timeoutMs, Completed = completed };
    }

    /// <summary>What became of each part; meaningful once completed, with or without error.</summary>
    public BatchResult ToResult()
    {
        var parts = new List<BatchPart>(_calls.Count);
        foreach (RegionCall call in _calls)
        {
            parts.Add(new BatchPart
            {
                RegionId = call.Region?.Id ?? 0,
                FirstKey = _mutations[call.First].Key.Memory,
                LastKey = _mutations[call.First + call.MutationCount - 1].Key.Memory,
                MutationCount = call.MutationCount,
                Outcome = call.Outcome,
                Revision = call.Revision,
                Error = call.Error,
                Conflicts = ConflictsOf(call),
                ConflictsDropped = call.Told is { ResultsDropped: true },
            });
        }

        parts.Sort((a, b) => a.FirstKey.Span.SequenceCompareTo(b.FirstKey.Span));
        return new BatchResult { Parts = parts };
    }

    internal override KvInvalidRequestException? Check(Limits limits)
    {
        long bytes = 0;
        foreach (Mutation mutation in _mutations)
        {
            if (RequestChecks.Mutation(mutation, limits) is { } error)
            {
                return error;
            }

            bytes += mutation.Key.Length + mutation.Value.Length + (mutation.Expected?.Value.Length ?? 0);
        }

        if (_mutations.Length > limits.BatchCountMax)
        {
            return new KvInvalidRequestException(
                "batch", $"batch: {_mutations.Length} mutations, the limit is {limits.BatchCountMax}");
        }

        return _isBatch && bytes > limits.BatchBytesMax
            ? new KvInvalidRequestException(
                "batch", $"batch: {bytes} key and value bytes, the limit is {limits.BatchBytesMax}")
            : null;
    }

    internal override void Begin(ClientPump pump)
    {
        if (_mutations.Length == 0)
        {
            pump.Finish(this, error: null);
            return;
        }

        AddCall(pump, first: 0, _mutations.Length).Dispatch();
    }

    internal override CachedRegion? Find(RegionCache cache, RegionCall call) =>
        cache.Find(_mutations[call.First].Key.Span);

    internal override ReadOnlyMemory<byte> LookupKey(RegionCall call) => _mutations[call.First].Key.Memory;

    /// <summary>
    /// What lies behind the region becomes a call of its own. If this one was sent before, the rest keeps its identity:
    /// the region was split meanwhile, and both parts must be recognised as the write they are.
    /// </summary>
    internal override void OnRouted(ClientPump pump, RegionCall call, CachedRegion region)
    {
        int end = call.First + call.MutationCount;
        if (region.IsBelowEnd(_mutations[end - 1].Key.Span))
        {
            return;
        }

        int low = FirstBehind(region, call.First, end - 1, at => _mutations[at].Key.Memory);
        RegionCall rest = AddCall(pump, low, end - low);
        call.CutTo(low - call.First, CostOf(call.First, low - call.First));
        rest.InheritFrom(call);
        pump.DispatchSoon(rest);
    }

    internal override void Fill(RegionCall call, Request request)
    {
        var command = new WriteCommand { Identity = call.Identify(), FirstIndex = _isPlain ? 0 : (uint)call.First };
        for (int i = 0; i < call.MutationCount; i++)
        {
            command.Mutations.Add(_mutations[call.First + i]);
        }

        request.Write = command;
    }

    internal override bool OnResult(ClientPump pump, RegionCall call, Response response)
    {
        if (response.Write is not { } result)
        {
            return false;
        }

        switch (result.Outcome)
        {
            case WriteOutcome.Applied:
                call.Settle(BatchPartOutcome.Applied, result.Revision, error: null, _isPlain ? null : result);
                break;
            case WriteOutcome.ConditionFailed:
                call.Settle(BatchPartOutcome.ConditionFailed, result.Revision, error: null, result);
                break;
            case WriteOutcome.SequenceExhausted:
                call.Settle(BatchPartOutcome.NotApplied, revision: 0, Exhausted(result), result);
                break;
            default:
                // From a newer store; an answer that says nothing.
                return false;
        }

        MaybeFinish(pump);
        return true;
    }

    internal override void OnCallFailed(ClientPump pump, RegionCall call, KvException error)
    {
        call.Settle(
            error.MaybeApplied ? BatchPartOutcome.Undetermined : BatchPartOutcome.NotApplied, revision: 0, error);
        MaybeFinish(pump);
    }

    internal override Exception DescribeEnd(string what, Exception? cause)
    {
        foreach (RegionCall call in _calls)
        {
            if (!call.IsSettled)
            {
                KvException error = DescribeWriteEnd(Describe(), call, what, cause);
                call.Settle(
                    error.MaybeApplied ? BatchPartOutcome.Undetermined : BatchPartOutcome.NotApplied,
                    revision: 0,
                    error);
            }
        }

        Exception? whole = Conclude(what);
        return cause is not null && whole is not KvException { MaybeApplied: true } ? cause : whole!;
    }

    internal override void DetachCalls()
    {
        foreach (RegionCall call in _calls)
        {
            call.Detach();
        }
    }

    internal override bool Wants(Call call) => base.Wants(call) && !((RegionCall)call).IsSettled;

    private static WriteOperation Single(Mutation mutation, int timeoutMs, Action<ClientOperation>? completed) =>
        new([mutation], isBatch: false) { TimeoutMs = timeoutMs, Completed = completed };

    private RegionCall AddCall(ClientPump pump, int first, int count)
    {
        var call = new RegionCall(pump, this, CostOf(first, count)) { First = first, MutationCount = count };
        _calls.Add(call);
        _unfinished++;
        return call;
    }

    private int CostOf(int first, int count)
    {
        int bytes = 0;
        for (int i = first; i < first + count; i++)
        {
            bytes += _mutations[i].Key.Length + _mutations[i].Value.Length + MutationOverheadBytes;
        }

        return bytes;
    }

    private void MaybeFinish(ClientPump pump)
    {
        Invariant.Require(_unfinished > 0);
        if (--_unfinished == 0)
        {
            pump.Finish(this, Conclude("failed"));
        }
    }

    /// <summary>
    /// The error of the whole; null when every part took effect. A write of one part fails with that part's own error.
    /// </summary>
    private Exception? Conclude(string what)
    {
        if (_calls.Count == 1)
        {
            return _calls[0].Error;
        }

        KvException? first = null;
        foreach (RegionCall call in _calls)
        {
            first ??= call.Error;
        }

        if (first is null)
        {
            return null;
        }

        BatchResult result = ToResult();

        return new KvBatchException(
            $"{Describe()} {what}: of {result.Parts.Count} parts {result.Count(BatchPartOutcome.Applied)} applied, "
            + ConditionsFailed(result)
            + $"{result.Count(BatchPartOutcome.NotApplied)} not applied, "
            + $"{result.Count(BatchPartOutcome.Undetermined)} undetermined; "
            + $"first error: {first?.Message}",
            result,
            first);
    }

    private static string ConditionsFailed(BatchResult result) =>
        result.Count(BatchPartOutcome.ConditionFailed) is > 0 and int count ? $"{count} with a failed condition, " : "";

    /// <summary>
    /// Which conditions of the part did not hold. A part that was cut off after the whole had been executed is told
    /// about the whole; what lies outside of it is told by the others.
    /// </summary>
    private IReadOnlyList<KvConflict> ConflictsOf(RegionCall call)
    {
        if (call.Told is not { Results.Count: > 0 } told || call.Outcome != BatchPartOutcome.ConditionFailed)
        {
            return [];
        }

        var conflicts = new List<KvConflict>();
        foreach (MutationResult result in told.Results)
        {
            if (result.Failed && result.Index >= call.First && result.Index < call.First + call.MutationCount)
            {
                conflicts.Add(new KvConflict
                {
                    Key = _mutations[(int)result.Index].Key.Memory,
                    Current = Results.ToValue(result),
                    CurrentDropped = result.ValueDropped,
                });
            }
        }

        return conflicts;
    }

    private KvException Exhausted(WriteResult result) => new KvSequenceExhaustedException(
        $"{Describe()}: it stands at {(result.Results.Count > 0 ? result.Results[0].Start : long.MaxValue)}, and "
        + $"{_mutations[0].Number} more would pass {long.MaxValue}; nothing was handed out");

    private string Describe() => _isBatch
        ? $"batch of {_mutations.Length} mutations"
        : $"{NameOf(_mutations[0].Kind)} of key {KeyText.Of(_mutations[0].Key.Span)}";

    private static string NameOf(MutationKind kind) => kind switch
    {
        MutationKind.Put => "put",
        MutationKind.Delete => "delete",
        MutationKind.PutIfAbsent => "put-if-absent",
        MutationKind.CompareAndPut => "compare-and-put",
        MutationKind.CompareAndDelete => "compare-and-delete",
        MutationKind.GetAndPut => "get-and-put",
        MutationKind.Sequence => "sequence",
        MutationKind.SequenceReset => "sequence reset",
        _ => "write",
    };
}
