// Owns the deletion of one slice of a range: what of it lies in the region of its first key. Invariants: the pieces
// cover the slice exactly once; a slice that was sent once is only ever cut, and its pieces keep its identity (Once
// law).
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>
/// Deletes the keys of a range inside one region, together and at most once. When it completes, what is left of the
/// range begins at <see cref="RestStart"/>, unless <see cref="Finished"/>.
/// </summary>
public sealed class DeleteRangeOperation : RegionOperation
{
    private readonly ByteString _start;
    private readonly ByteString _end;
    private readonly List<RegionCall> _calls = new(capacity: 1);
    private readonly List<(ByteString Start, ByteString End)> _pieces = new(capacity: 1);
    private int _unfinished;

    /// <summary>Deletes [start, end), which are copied; an empty end = to the last key.</summary>
    public DeleteRangeOperation(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        _start = ByteString.CopyFrom(start);
        _end = ByteString.CopyFrom(end);
        RestStart = _end;
    }

    /// <summary>Where the rest begins, once completed.</summary>
    public ByteString RestStart { get; private set; }

    /// <summary>Whether nothing is left behind this slice.</summary>
    public bool Finished => RestStart == _end;

    /// <summary>
    /// Pieces that took effect, also when the slice as a whole failed; more than 1 when a region was split.
    /// </summary>
    public int AppliedCount { get; private set; }

    internal override string Kind => "delete_range";

    internal override bool IsWrite => true;

    internal override KvInvalidRequestException? Check(Limits limits) =>
        RequestChecks.Range(_start.Memory, _end.Memory, limits);

    internal override void Begin(ClientPump pump)
    {
        if (!_end.IsEmpty && _start == _end)
        {
            pump.Finish(this, error: null);
            return;
        }

        AddCall(pump, _start, _end).Dispatch();
    }

    internal override CachedRegion? Find(RegionCache cache, RegionCall call) =>
        cache.Find(_pieces[call.First].Start.Span);

    internal override ReadOnlyMemory<byte> LookupKey(RegionCall call) => _pieces[call.First].Start.Memory;

    /// <summary>
    /// What lies behind the region is left for the next slice; but a piece that was sent before has that part in it
    /// already, and both parts must be recognised as the write they are.
    /// </summary>
    internal override void OnRouted(ClientPump pump, RegionCall call, CachedRegion region)
    {
        (ByteString start, ByteString end) = _pieces[call.First];
        if (region.End.IsEmpty || (!end.IsEmpty && end.Span.SequenceCompareTo(region.End.Span) <= 0))
        {
            return;
        }

        ByteString cut = ByteString.CopyFrom(region.End.Span);
        _pieces[call.First] = (start, cut);
        if (call.IsIdentified)
        {
            RegionCall rest = AddCall(pump, cut, end);
            rest.InheritFrom(call);
            pump.DispatchSoon(rest);
        }
        else
        {
            RestStart = cut;
        }
    }

    internal override void Fill(RegionCall call, Request request)
    {
        (ByteString start, ByteString end) = _pieces[call.First];
        request.Write = new WriteCommand { Identity = call.Identify() };
        request.Write.Mutations.Add(new Mutation { Kind = MutationKind.DeleteRange, Key = start, EndKey = end });
    }

    internal override bool OnResult(ClientPump pump, RegionCall call, Response response)
    {
        if (response.Write is not { Outcome: WriteOutcome.Applied } result)
        {
            return false;
        }

        AppliedCount++;
        call.Settle(BatchPartOutcome.Applied, result.Revision, error: null);
        MaybeFinish(pump);
        return true;
    }

    internal override void OnCallFailed(ClientPump pump, RegionCall call, KvException error)
    {
        Fail(call, error);
        MaybeFinish(pump);
    }

    internal override Exception DescribeEnd(string what, Exception? cause)
    {
        foreach (RegionCall call in _calls)
        {
            if (!call.IsSettled)
            {
                Fail(call, DescribeWriteEnd(Describe(), call, what, cause));
            }
        }

        Exception whole = FirstError()!;
        return cause is not null && whole is not KvException { MaybeApplied: true } ? cause : whole;
    }

    internal override void DetachCalls()
    {
        foreach (RegionCall call in _calls)
        {
            call.Detach();
        }
    }

    internal override bool Wants(Call call) => base.Wants(call) && !((RegionCall)call).IsSettled;

    private static void Fail(RegionCall call, KvException error) => call.Settle(
        error.MaybeApplied ? BatchPartOutcome.Undetermined : BatchPartOutcome.NotApplied, revision: 0, error);

    private RegionCall AddCall(ClientPump pump, ByteString start, ByteString end)
    {
        var call = new RegionCall(pump, this, start.Length + end.Length) { First = _pieces.Count, MutationCount = 1 };
        _calls.Add(call);
        _pieces.Add((start, end));
        _unfinished++;
        return call;
    }

    private void MaybeFinish(ClientPump pump)
    {
        Invariant.Require(_unfinished > 0);
        if (--_unfinished == 0)
        {
            pump.Finish(this, FirstError());
        }
    }

    /// <summary>One that leaves the outcome open before all others.</summary>
    private KvException? FirstError()
    {
        KvException? first = null;
        foreach (RegionCall call in _calls)
        {
            if (call.Error is { } error && (first is null || (error.MaybeApplied && !first.MaybeApplied)))
            {
                first = error;
            }
        }

        return first;
    }

    private string Describe() => $"delete of range [{KeyText.Of(_start.Span)}, {KeyText.Of(_end.Span)})";
}
