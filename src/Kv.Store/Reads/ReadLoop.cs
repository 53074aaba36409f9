// Owns scans, multi-gets, confirmed reads and gets that need the disk: work that may take long, kept off the raft and
// apply loops and off the threads that receive. Each page of a scan is a read of its own. A read under lease is checked
// by the gate around the moment its view is taken (Read law).
using System.Buffers;
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Store.Reads;

internal sealed class ReadLoop : Pump
{
    /// <summary>
    /// Most keys one answer to a multi-get holds; others wait behind it. The caller asks for the rest.
    /// </summary>
    public const int MultiGetAnswersMax = 1024;

    private const int ResultOverheadBytes = 16;

    private static readonly ReadOnlySpanAction<byte, GetResult> FillWhole = static (stored, result) =>
    {
        ReadOnlySpan<byte> value = StoredValue.Read(stored, out ulong revision);
        result.Found = true;
        result.Value = ByteString.CopyFrom(value);
        result.Revision = revision;
    };

    private static readonly ReadOnlySpanAction<byte, GetResult> FillExists = static (stored, result) =>
    {
        StoredValue.Read(stored, out ulong revision);
        result.Found = true;
        result.Revision = revision;
    };

    private readonly IEngine _engine;
    private readonly TimeProvider _clock;
    private readonly Limits _limits;
    private readonly Mailbox<ReadRequest> _mailbox;
    private Func<ReadRequest, bool>? _askRaft;

    public ReadLoop(int number, IEngine engine, TimeProvider clock, Limits limits, int waitingMax)
    {
        Name = $"read{number}";
        _engine = engine;
        _clock = clock;
        _limits = limits;
        _mailbox = new Mailbox<ReadRequest>(this, waitingMax);
    }

    public override string Name { get; }

    /// <summary>
    /// Where a read goes whose lease is in doubt: to a ReadIndex round. Set once while the store is composed.
    /// </summary>
    public void SetRaft(Func<ReadRequest, bool> askRaft) => _askRaft = askRaft;

    public bool TryPost(ReadRequest read) => _mailbox.TryPost(read);

    public override bool RunOnce()
    {
        List<ReadRequest> reads = _mailbox.Drain();
        foreach (ReadRequest read in reads)
        {
            Run(read);
        }

        return reads.Count > 0;
    }

    private void Run(ReadRequest read)
    {
        Instant now = Instant.Now(_clock);
        if (read.Deadline <= now)
        {
            read.Fail(Errors.Expired(maybeApplied: false));
            return;
        }

        RegionHandle region = read.Region;
        ReadGate? before = read.GateSeen ?? region.Gate;
        RegionDescriptor descriptor = region.Descriptor;
        if (read.Version != 0 && descriptor.Epoch.Version != read.Version)
        {
            read.Fail(Errors.EpochNotMatch(region));
            return;
        }

        if (!read.Confirmed && (before is null || before.Version != descriptor.Epoch.Version))
        {
            AskRaft(read);
            return;
        }

        if (IsPutOff(read, before))
        {
            return;
        }

        if (read.Key is not null)
        {
            RunGet(read, before, descriptor);
        }
        else if (read.Keys is not null)
        {
            RunMultiGet(read, read.Keys, before, descriptor);
        }
        else
        {
            RunRows(read, before, descriptor);
        }
    }

    /// <summary>A page of a scan, or the whole system region.</summary>
    private void RunRows(ReadRequest read, ReadGate? before, RegionDescriptor descriptor)
    {
        RegionHandle region = read.Region;
        (byte[] start, byte[] end) = read.Scan is null ? (descriptor.Start, descriptor.End) : Bounds(read.Scan,
            descriptor);
        if (start.AsSpan().SequenceCompareTo(end) >= 0)
        {
            read.Fail(Errors.KeyNotInRegion(region, start));
            return;
        }

        // The view is frozen when the iterator is made; gate and version are looked at once more after that.
        using IEngineIterator rows = _engine.Iterate(ColumnFamily.Data, start, end);
        if (!read.Confirmed && !ReadGate.Holds(before, region.Gate, Instant.Now(_clock)))
        {
            AskRaft(read);
            return;
        }

        if (region.Descriptor.Epoch.Version != descriptor.Epoch.Version)
        {
            read.Fail(Errors.EpochNotMatch(region));
            return;
        }

        if (read.Scan is null)
        {
            LoadAll(read, rows);
        }
        else
        {
            Page(read, descriptor, rows);
        }
    }

    /// <summary>
    /// In a simulation this thread may be put off between its first look at the gate and its view: the second look must
    /// see whatever has changed.
    /// </summary>
    private bool IsPutOff(ReadRequest read, ReadGate? before)
    {
#if PLANT_READ_REGAIN // Read law: the gate is looked at once only
        read.Confirmed = true;
#endif
        read.GateSeen = before;
        return Buggify.At("store.read.lateView") && _mailbox.TryPost(read);
    }

    private void AskRaft(ReadRequest read)
    {
        read.GateSeen = null;
        if (!_askRaft!(read))
        {
            read.Fail(Errors.Busy("too many requests wait", 50));
        }
    }

    private void RunGet(ReadRequest read, ReadGate? before, RegionDescriptor descriptor)
    {
        var result = new GetResult();
        _engine.TryRead(ColumnFamily.Data, read.Key, result, FillerOf(read.ExistsOnly));
        if (!read.Confirmed && !ReadGate.Holds(before, read.Region.Gate, Instant.Now(_clock)))
        {
            AskRaft(read);
            return;
        }

        if (read.Region.Descriptor.Epoch.Version != descriptor.Epoch.Version)
        {
            read.Fail(Errors.EpochNotMatch(read.Region));
            return;
        }

        read.Sink.OnResponse(new Response { Id = read.RequestId, RegionTime = read.Region.RegionTime, Get = result });
    }

    /// <summary>What makes a result of a stored value.</summary>
    internal static ReadOnlySpanAction<byte, GetResult> FillerOf(bool existsOnly) =>
        existsOnly ? FillExists : FillWhole;

    /// <summary>All keys from one view, under one look at the gate; a prefix of them when they are too many.</summary>
    private void RunMultiGet(ReadRequest read, byte[][] keys, ReadGate? before, RegionDescriptor descriptor)
    {
        using IEngineSnapshot view = _engine.Snapshot();
        if (!read.Confirmed && !ReadGate.Holds(before, read.Region.Gate, Instant.Now(_clock)))
        {
            AskRaft(read);
            return;
        }

        if (read.Region.Descriptor.Epoch.Version != descriptor.Epoch.Version)
        {
            read.Fail(Errors.EpochNotMatch(read.Region));
            return;
        }

        var answer = new MultiGetResponse();
        long bytes = 0;
        int most = Math.Min(keys.Length, MultiGetAnswersMax);
        for (int i = 0; i < most && (bytes < _limits.ScanPageBytesMax || i == 0); i++)
        {
            if (!descriptor.Contains(keys[i]))
            {
                read.Fail(Errors.KeyNotInRegion(read.Region, keys[i]));
                return;
            }

            var result = new GetResult();
            view.TryRead(ColumnFamily.Data, keys[i], result, FillerOf(read.ExistsOnly));
            answer.Results.Add(result);
            bytes += result.Value.Length + ResultOverheadBytes;
        }

        read.Sink.OnResponse(
            new Response { Id = read.RequestId, RegionTime = read.Region.RegionTime, MultiGet = answer });
    }

    private static (byte[] Start, byte[] End) Bounds(ScanRequest scan, RegionDescriptor descriptor)
    {
        byte[] start = KeySpace.ToInternal(scan.StartKey.Span);
        byte[] end = KeySpace.EndToInternal(scan.EndKey.Span);
        return (
            start.AsSpan().SequenceCompareTo(descriptor.Start) > 0 ? start : descriptor.Start,
            end.AsSpan().SequenceCompareTo(descriptor.End) < 0 ? end : descriptor.End);
    }

    private void Page(ReadRequest read, RegionDescriptor descriptor, IEngineIterator rows)
    {
        ScanRequest scan = read.Scan!;
        var page = new ScanResponse { RegionTime = read.Region.RegionTime };
        int rowsMax = scan.Limit == 0 ? _limits.ScanPageRowsMax : (int)Math.Min(scan.Limit, (
            uint)_limits.ScanPageRowsMax);
        long bytesMax = scan.BytesMax == 0 ? _limits.ScanPageBytesMax : Math.Min(scan.BytesMax, (
            uint)_limits.ScanPageBytesMax);
        long bytes = 0;
        if (scan.Reverse)
        {
            rows.SeekToLast();
        }
        else
        {
            rows.SeekToFirst();
        }

        while (rows.Valid && page.Rows.Count < rowsMax && (bytes < bytesMax || page.Rows.Count == 0))
        {
            ReadOnlySpan<byte> value = StoredValue.Read(rows.Value, out ulong revision);
            var row = new KeyValue { Key = ByteString.CopyFrom(KeySpace.ToUser(rows.Key)), Revision = revision };
            if (!scan.KeysOnly)
            {
                row.Value = ByteString.CopyFrom(value);
            }

            bytes += rows.Key.Length + (scan.KeysOnly ? 0 : value.Length);
            page.Rows.Add(row);
            if (scan.Reverse)
            {
                rows.Prev();
            }
            else
            {
                rows.Next();
            }
        }

        SetContinuation(page, scan, descriptor, rows.Valid);
        read.Sink.OnResponse(new Response { Id = read.RequestId, RegionTime = read.Region.RegionTime, Scan = page });
    }

    /// <summary>
    /// Where the next page begins: behind the last row while rows are left, else at the region's edge while the range
    /// goes on.
    /// </summary>
    private static void SetContinuation(ScanResponse page, ScanRequest scan, RegionDescriptor descriptor, bool rowsLeft)
    {
        if (rowsLeft)
        {
            ByteString last = page.Rows[^1].Key;
            page.More = true;
            page.NextKey = scan.Reverse ? last : ByteString.CopyFrom([.. last.Span, 0]);
        }
        else if (scan.Reverse)
        {
            ReadOnlySpan<byte> edge = KeySpace.StartToUser(descriptor.Start);
            page.More = edge.SequenceCompareTo(scan.StartKey.Span) > 0;
            page.NextKey = page.More ? ByteString.CopyFrom(edge) : ByteString.Empty;
        }
        else
        {
            ReadOnlySpan<byte> edge = KeySpace.EndToUser(descriptor.End);
            page.More = !edge.IsEmpty && (scan.EndKey.IsEmpty || edge.SequenceCompareTo(scan.EndKey.Span) < 0);
            page.NextKey = page.More ? ByteString.CopyFrom(edge) : ByteString.Empty;
        }
    }

    private static void LoadAll(ReadRequest read, IEngineIterator rows)
    {
        var all = new List<KeyValuePair<byte[], byte[]>>();
        for (rows.SeekToFirst(); rows.Valid; rows.Next())
        {
            all.Add(new(rows.Key[1..].ToArray(), StoredValue.Read(rows.Value, out _).ToArray()));
        }

        read.SystemLoad!(all);
    }
}
