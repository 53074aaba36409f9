using Google.Protobuf;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>Reads one key.</summary>
public sealed class GetOperation : RegionOperation
{
    private readonly ByteString _key;
    private readonly ReadMode _mode;
    private RegionCall? _call;

    /// <summary>Reads <paramref name="key"/>, which is copied.</summary>
    public GetOperation(ReadOnlySpan<byte> key, KvReadMode mode = KvReadMode.Lease)
    {
        _key = ByteString.CopyFrom(key);
        _mode = ReadModes.ToMessage(mode);
    }

    /// <summary>Ask only whether the key exists: the value is left out.</summary>
    public bool ExistsOnly { get; init; }

    /// <summary>The key asked for.</summary>
    public ReadOnlyMemory<byte> Key => _key.Memory;

    /// <summary>Whether the key exists; valid once completed without error.</summary>
    public bool Found { get; private set; }

    /// <summary>The value; empty when not found.</summary>
    public ReadOnlyMemory<byte> Value { get; private set; }

    /// <summary>The revision of the write that made the value; 0 when not found.</summary>
    public ulong Revision { get; private set; }

    internal override string Kind => ExistsOnly ? "exists" : "get";

    internal override bool IsWrite => false;

    internal override KvInvalidRequestException? Check(Limits limits) => RequestChecks.Key(_key.Length, limits);

    internal override void Begin(ClientPump pump)
    {
        _call = new RegionCall(pump, this, _key.Length);
        _call.Dispatch();
    }

    internal override CachedRegion? Find(RegionCache cache, RegionCall call) => cache.Find(_key.Span);

    internal override ReadOnlyMemory<byte> LookupKey(RegionCall call) => _key.Memory;

    internal override void Fill(RegionCall call, Request request) =>
        request.Get = new GetCommand { Key = _key, Mode = _mode, ExistsOnly = ExistsOnly };

    internal override bool OnResult(ClientPump pump, RegionCall call, Response response)
    {
        if (response.Get is not { } result)
        {
            return false;
        }

        Found = result.Found;
        Value = result.Value.Memory;
        Revision = result.Revision;
        pump.Finish(this, error: null);
        return true;
    }

    internal override Exception DescribeEnd(string what, Exception? cause) =>
        DescribeEnd($"{Kind} of key {KeyText.Of(_key.Span)} {what}", cause, _call!);

    internal override void DetachCalls() => _call?.Detach();
}
