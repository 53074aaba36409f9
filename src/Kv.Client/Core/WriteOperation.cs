// Owns one write from the caller: its mutations in order of keys, cut into calls of one region each. Invariants: calls
// cover the mutations exactly once; a call that was sent once is only ever cut, never joined with another (Once law).
using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>Puts and deletes, each region's share taking effect together and at most once.</summary>
public sealed class WriteOperation : RegionOperation
{
    private const int MutationOverheadBytes = 16;

    private readonly Mutation[] _mutations;
    private readonly List<RegionCall> _calls = new(capacity: 1);
    private readonly bool _isBatch;
    private int _unfinished;

    private WriteOperation(Mutation[] mutations, bool isBatch)
    {
        _mutations = mutations;
        _isBatch = isBatch;
    }

    /// <summary>Revision of the first part; valid once completed without error.</summary>
    public ulong Revision => _calls.Count > 0 ? _calls[0].Revision : 0;

    /// <summary>The region of the first part; 0 = none.</summary>
    public ulong RegionId => _calls.Count > 0 ? _calls[0].Region?.Id ?? 0 : 0;

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

            bytes += mutation.Key.Length + mutation.Value.Length;
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

        int low = call.First + 1;
        int high = end - 1;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (region.IsBelowEnd(_mutations[middle].Key.Span))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        RegionCall rest = AddCall(pump, low, end - low);
        call.CutTo(low - call.First, CostOf(call.First, low - call.First));
        rest.InheritFrom(call);
        pump.DispatchSoon(rest);
    }

    internal override void Fill(RegionCall call, Request request)
    {
        var command = new WriteCommand { Identity = call.Identify() };
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

        call.Settle(BatchPartOutcome.Applied, result.Revision, error: null);
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
                KvException error = DescribeEnd(call, what, cause);
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

        BatchResult result = ToResult();
        if (result.AllApplied)
        {
            return null;
        }

        KvException? first = null;
        foreach (BatchPart part in result.Parts)
        {
            first ??= part.Error;
        }

        return new KvBatchException(
            $"{Describe()} {what}: of {result.Parts.Count} parts {result.Count(BatchPartOutcome.Applied)} applied, "
            + $"{result.Count(BatchPartOutcome.NotApplied)} not applied, "
            + $"{result.Count(BatchPartOutcome.Undetermined)} undetermined; "
            + $"first error: {first?.Message}",
            result,
            first);
    }

    private KvException DescribeEnd(RegionCall call, string what, Exception? cause)
    {
        var text = new StringBuilder(Describe()).Append(' ').Append(what);
        if (call.MaybeExecuted || call.InFlight)
        {
            text.Append(", and it may have been executed: ");
            call.DescribeTo(text);
            return new KvUndeterminedException(text.ToString(), cause);
        }

        text.Append(": ");
        call.DescribeTo(text);
        return cause switch
        {
            null => new KvTimeoutException(text.ToString()),
            KvException known => known,
            _ => new KvException(text.ToString(), cause),
        };
    }

    private string Describe() => _isBatch
        ? $"batch of {_mutations.Length} mutations"
        : $"{(_mutations[0].Kind == MutationKind.Put ? "put" : "delete")} of key {KeyText.Of(_mutations[0].Key.Span)}";
}
