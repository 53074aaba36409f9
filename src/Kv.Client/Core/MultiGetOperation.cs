// Owns one multi-get: its keys in their order, cut into calls of one region each. Invariant: every key is in exactly
// one call that is not settled, or has its result, or belongs to a call that failed.
using System.Text;
using Google.Protobuf;
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>
/// Reads many keys, the regions' shares at the same time. Keys of one region that fit into one answer come from one
/// view; there is no view over all.
/// </summary>
public sealed class MultiGetOperation : RegionOperation
{
    /// <summary>Keys of one call; more of one region are asked for beside it.</summary>
    private const int CallKeysMax = 1024;

    private readonly ByteString[] _keys;
    private readonly int[] _places;
    private readonly ReadMode _mode;
    private readonly List<RegionCall> _calls = [];
    private readonly List<int> _failedKeys = [];
    private KvException? _firstError;
    private int _unfinished;

    /// <summary>Reads <paramref name="keys"/>, which are copied; the same key may be in them more than once.</summary>
    public MultiGetOperation(IReadOnlyList<ReadOnlyMemory<byte>> keys, KvReadMode mode = KvReadMode.Lease)
    {
        _mode = ReadModes.ToMessage(mode);
        _keys = new ByteString[keys.Count];
        _places = new int[keys.Count];
        for (int i = 0; i < keys.Count; i++)
        {
            _keys[i] = ByteString.CopyFrom(keys[i].Span);
            _places[i] = i;
        }

        ByteString[] given = [.. _keys];
        Array.Sort(_places, (a, b) => given[a].Span.SequenceCompareTo(given[b].Span) is var order and not 0
            ? order
            : a.CompareTo(b));
        for (int i = 0; i < _keys.Length; i++)
        {
            _keys[i] = given[_places[i]];
        }

        Values = new ValueWithRevision?[keys.Count];
    }

    /// <summary>The values in the order of the keys given; null = absent. Valid once completed without error.</summary>
    public ValueWithRevision?[] Values { get; }

    internal override string Kind => "multi_get";

    internal override bool IsWrite => false;

    internal override KvInvalidRequestException? Check(Limits limits)
    {
        if (_keys.Length > limits.MultiGetCountMax)
        {
            return new KvInvalidRequestException(
                "keys", $"keys: {_keys.Length} keys, the limit is {limits.MultiGetCountMax}");
        }

        foreach (ByteString key in _keys)
        {
            if (RequestChecks.Key(key.Length, limits) is { } wrong)
            {
                return wrong;
            }
        }

        return null;
    }

    internal override void Begin(ClientPump pump)
    {
        if (_keys.Length == 0)
        {
            pump.Finish(this, error: null);
            return;
        }

        AddCall(pump, first: 0, _keys.Length).Dispatch();
    }

    internal override CachedRegion? Find(RegionCache cache, RegionCall call) => cache.Find(_keys[call.First].Span);

    internal override ReadOnlyMemory<byte> LookupKey(RegionCall call) => _keys[call.First].Memory;

    internal override void OnRouted(ClientPump pump, RegionCall call, CachedRegion region)
    {
        int end = call.First + call.MutationCount;
        int cut = region.IsBelowEnd(_keys[end - 1].Span)
            ? end
            : FirstBehind(region, call.First, end - 1, at => _keys[at].Memory);
        cut = Math.Min(cut, call.First + CallKeysMax);
        if (cut < end)
        {
            pump.DispatchSoon(AddCall(pump, cut, end - cut));
            call.CutTo(cut - call.First, CostOf(call.First, cut - call.First));
        }
    }

    internal override void Fill(RegionCall call, Request request)
    {
        var asked = new MultiGetRequest { Mode = _mode };
        for (int i = 0; i < call.MutationCount; i++)
        {
            asked.Keys.Add(_keys[call.First + i]);
        }

        request.MultiGet = asked;
    }

    internal override bool OnResult(ClientPump pump, RegionCall call, Response response)
    {
        if (response.MultiGet is not { RegionError: null } answer
            || answer.Results.Count == 0 || answer.Results.Count > call.MutationCount)
        {
            return false;
        }

        int count = answer.Results.Count;
        for (int i = 0; i < count; i++)
        {
            Values[_places[call.First + i]] = Results.ToValue(answer.Results[i]);
        }

        if (count < call.MutationCount)
        {
            pump.DispatchSoon(AddCall(pump, call.First + count, call.MutationCount - count));
        }

        Settle(pump, call, error: null);
        return true;
    }

    internal override void OnCallFailed(ClientPump pump, RegionCall call, KvException error)
    {
        NoteFailed(call, error);
        Settle(pump, call, error);
    }

    internal override Exception DescribeEnd(string what, Exception? cause)
    {
        if (cause is not null)
        {
            return cause;
        }

        foreach (RegionCall call in _calls)
        {
            if (!call.IsSettled)
            {
                var text = new StringBuilder(Describe()).Append(' ').Append(what).Append(": ");
                call.DescribeTo(text);
                NoteFailed(call, new KvTimeoutException(text.ToString()));
            }
        }

        return Conclude()!;
    }

    internal override void DetachCalls()
    {
        foreach (RegionCall call in _calls)
        {
            call.Detach();
        }
    }

    internal override bool Wants(Call call) => base.Wants(call) && !((RegionCall)call).IsSettled;

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
            bytes += _keys[i].Length;
        }

        return bytes;
    }

    private void NoteFailed(RegionCall call, KvException error)
    {
        _firstError ??= error;
        for (int i = call.First; i < call.First + call.MutationCount; i++)
        {
            _failedKeys.Add(_places[i]);
        }
    }

    private void Settle(ClientPump pump, RegionCall call, KvException? error)
    {
        call.Settle(error is null ? BatchPartOutcome.Applied : BatchPartOutcome.NotApplied, revision: 0, error);
        Invariant.Require(_unfinished > 0);
        if (--_unfinished == 0)
        {
            pump.Finish(this, Conclude());
        }
    }

    /// <summary>Null when every key was read; when none was, the first call's own error.</summary>
    private KvException? Conclude()
    {
        if (_firstError is null || _failedKeys.Count == _keys.Length)
        {
            return _firstError;
        }

        _failedKeys.Sort();
        return new KvMultiGetException(
            $"{Describe()}: {_failedKeys.Count} could not be read; first error: {_firstError.Message}",
            Values,
            _failedKeys,
            _firstError);
    }

    private string Describe() => $"multi-get of {_keys.Length} keys";
}
