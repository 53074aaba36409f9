using Google.Protobuf;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>
/// Reads one page of a range inside one region. When it completes, what is left of the range is [<see cref="Start"/>,
/// <see cref="End"/>), unless <see cref="Finished"/>; the next page goes on with that and with fresh routes, so that it
/// does not matter what regions do in between.
/// </summary>
public sealed class ScanPageOperation : RegionOperation
{
    // With every key at most this long, these bytes make a key above all others that can be asked for.
    private const int KeyBytesCeiling = Limits.KeyBytesCeiling;

    private RegionCall? _call;
    private ByteString _pageStart = ByteString.Empty;
    private ByteString _pageEnd = ByteString.Empty;

    /// <summary>
    /// The first key that may be returned; empty = the first there is. After completion: where the rest begins.
    /// </summary>
    public required ReadOnlyMemory<byte> Start { get; set; }

    /// <summary>Keys from here on are not returned; empty = no end. After completion: where the rest ends.</summary>
    public required ReadOnlyMemory<byte> End { get; set; }

    /// <summary>From the greatest key down.</summary>
    public bool Reverse { get; init; }

    /// <summary>Most rows; 0 = as many as the page's bytes take.</summary>
    public uint Limit { get; init; }

    /// <summary>Leave values out.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>How the page is made safe.</summary>
    public KvReadMode Mode { get; init; }

    /// <summary>
    /// The page, in scan order. Valid once completed without error; may be empty though more follows.
    /// </summary>
    public IReadOnlyList<KeyValue> Rows { get; private set; } = [];

    /// <summary>Whether the range is done.</summary>
    public bool Finished { get; private set; }

    internal override string Kind => "scan";

    internal override bool IsWrite => false;

    internal override KvInvalidRequestException? Check(Limits limits) => RequestChecks.Range(Start, End, limits);

    internal override void Begin(ClientPump pump)
    {
        if (!End.IsEmpty && Start.Span.SequenceCompareTo(End.Span) >= 0)
        {
            Finished = true;
            pump.Finish(this, error: null);
            return;
        }

        _call = new RegionCall(pump, this, Start.Length + End.Length);
        _call.Dispatch();
    }

    internal override CachedRegion? Find(RegionCache cache, RegionCall call) =>
        Reverse ? cache.FindBelow(End.Span) : cache.Find(Start.Span);

    internal override ReadOnlyMemory<byte> LookupKey(RegionCall call) => Reverse ? GreatestKeyBelow(End.Span) : Start;

    internal override void OnRouted(ClientPump pump, RegionCall call, CachedRegion region)
    {
        bool regionStartsLater = region.Start.Span.SequenceCompareTo(Start.Span) > 0;
        _pageStart = ByteString.CopyFrom(regionStartsLater ? region.Start.Span : Start.Span);
        bool regionEndsFirst = !region.End.IsEmpty && (End.IsEmpty || region.End.Span.SequenceCompareTo(End.Span) < 0);
        _pageEnd = ByteString.CopyFrom(regionEndsFirst ? region.End.Span : End.Span);
    }

    internal override void Fill(RegionCall call, Request request) => request.Scan = new ScanRequest
    {
        StartKey = _pageStart,
        EndKey = _pageEnd,
        Reverse = Reverse,
        Limit = Limit,
        KeysOnly = KeysOnly,
        Mode = ReadModes.ToMessage(Mode),
    };

    internal override bool OnResult(ClientPump pump, RegionCall call, Response response)
    {
        if (response.Scan is not { RegionError: null } page)
        {
            return false;
        }

        ByteString bound = Reverse ? _pageStart : _pageEnd;
        bool more = page.More && page.NextKey != bound;
        if (more && !LiesInPage(page.NextKey))
        {
            pump.Finish(this, new KvException(
                $"scan: the store's page goes on at {KeyText.Of(page.NextKey.Span)}, outside of what was asked"));
            return true;
        }

        Rows = page.Rows;
        Finished = !more && bound.Span.SequenceEqual(Reverse ? Start.Span : End.Span);
        MoveTo(more ? page.NextKey.Memory : bound.Memory);
        pump.Finish(this, error: null);
        return true;
    }

    internal override Exception DescribeEnd(string what, Exception? cause) => DescribeEnd(
        $"scan of [{KeyText.Of(Start.Span)}, {KeyText.Of(End.Span)}){(Reverse ? " in reverse" : "")} {what}",
        cause,
        _call!);

    internal override void DetachCalls() => _call?.Detach();

    /// <summary>
    /// The greatest key below <paramref name="end"/> that is no longer than keys can be; empty end = of all keys.
    /// </summary>
    internal static byte[] GreatestKeyBelow(ReadOnlySpan<byte> end)
    {
        if (!end.IsEmpty && end[^1] == 0)
        {
            return end[..^1].ToArray();
        }

        byte[] key = new byte[KeyBytesCeiling];
        key.AsSpan().Fill(0xFF);
        end.CopyTo(key);
        if (!end.IsEmpty)
        {
            key[end.Length - 1]--;
        }

        return key;
    }

    private void MoveTo(ReadOnlyMemory<byte> key)
    {
        if (Reverse)
        {
            End = key;
        }
        else
        {
            Start = key;
        }
    }

    private bool LiesInPage(ByteString nextKey)
    {
        bool aboveStart = nextKey.Span.SequenceCompareTo(_pageStart.Span) > 0;
        bool belowEnd = _pageEnd.IsEmpty || nextKey.Span.SequenceCompareTo(_pageEnd.Span) < 0;
        return aboveStart && belowEnd;
    }
}
