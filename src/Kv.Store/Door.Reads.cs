// How reads come in: refused by name, answered on the caller's thread, or handed to a read loop or the raft loop (Read
// law).
using System.Buffers;
using Kv.Base;
using Kv.Engine;
using Kv.Protocol;
using Kv.Protocol.V1;
using Kv.Store.Reads;

namespace Kv.Store;

internal sealed partial class Door
{
    private RegionError? Get(Request request, IResponseSink sink)
    {
        ReadOnlySpan<byte> userKey = request.Get.Key.Span;
        if (CheckKey(userKey) is { } wrong)
        {
            return wrong;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(userKey.Length + 1);
        try
        {
            rented[0] = KeySpace.UserPrefix;
            userKey.CopyTo(rented.AsSpan(1));
            ReadOnlySpan<byte> key = rented.AsSpan(0, userKey.Length + 1);
            if (Locate(request.RegionId, request.Version, key, out RegionHandle? region) is { } error)
            {
                return error;
            }

            bool existsOnly = request.Get.ExistsOnly;
            if (existsOnly)
            {
                Interlocked.Increment(ref _existsReads);
            }

            if (request.Get.Mode == ReadMode.Lease)
            {
                switch (TryLeaseGet(request.Id, region!, key, existsOnly, sink))
                {
                    case LeaseGet.Answered:
                        return null;
                    case LeaseGet.NeedsDisk:
                        Interlocked.Increment(ref _diskReads);
                        return _reads.TryPostGet(
                            NewRead(request, region!, sink, ReadMode.Lease, key.ToArray(), null, existsOnly))
                            ? null
                            : Errors.Busy("too many reads wait for the disk", 50);
                    case LeaseGet.NoLease:
                    default:
                        break;
                }

                if (LedElsewhere(region!) is { } elsewhere)
                {
                    return elsewhere;
                }
            }

            return AskRaft(NewRead(request, region!, sink, request.Get.Mode, key.ToArray(), null, existsOnly));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>
    /// Gate, view, gate: answers only if nothing that ends the lease came between (Read law). Runs on the thread that
    /// received the request, which many requests share, so it does not wait for the disk.
    /// </summary>
    private LeaseGet TryLeaseGet(
        ulong requestId, RegionHandle region, ReadOnlySpan<byte> key, bool existsOnly, IResponseSink sink)
    {
        ReadGate? before = region.Gate;
        if (before is null)
        {
            return LeaseGet.NoLease;
        }

        var result = new GetResult();
        if (_engine.TryReadCached(ColumnFamily.Data, key, result, ReadLoop.FillerOf(existsOnly))
            == CachedRead.NotInMemory)
        {
            return LeaseGet.NeedsDisk;
        }

        if (!ReadGate.Holds(before, region.Gate, Instant.Now(_clock)))
        {
            return LeaseGet.NoLease;
        }

        Interlocked.Increment(ref _leaseReads);
        sink.OnResponse(new Response { Id = requestId, RegionTime = region.RegionTime, Get = result });
        return LeaseGet.Answered;
    }

    private RegionError? AskRaft(ReadRequest read)
    {
        Interlocked.Increment(ref _indexReads);
        return !Buggify.At("store.door.full") && _raft.TryPostRead(read)
            ? null
            : Errors.Busy("too many requests wait", 50);
    }

    /// <summary>
    /// Many keys of one region from one view. It may need the disk for each, so it always goes to a read loop.
    /// </summary>
    private RegionError? MultiGet(Request request, IResponseSink sink)
    {
        MultiGetRequest asked = request.MultiGet;
        int countMax = _options.Limits.MultiGetCountMax;
        if (asked.Keys.Count == 0 || asked.Keys.Count > countMax)
        {
            return Errors.Invalid(
                "keys", $"the multi-get asks for {asked.Keys.Count} keys, 1 to {countMax} are allowed");
        }

        byte[][] keys = new byte[asked.Keys.Count][];
        for (int i = 0; i < keys.Length; i++)
        {
            ReadOnlySpan<byte> userKey = asked.Keys[i].Span;
            if (CheckKey(userKey) is { } wrong)
            {
                return wrong;
            }

            keys[i] = KeySpace.ToInternal(userKey);
        }

        if (Locate(request.RegionId, request.Version, keys[0], out RegionHandle? region) is { } error)
        {
            return error;
        }

        foreach (byte[] key in keys)
        {
            if (!region!.Descriptor.Contains(key))
            {
                return Errors.KeyNotInRegion(region, key);
            }
        }

        Interlocked.Increment(ref _multiGets);
        if (asked.Mode == ReadMode.Lease && LedElsewhere(region!) is { } elsewhere)
        {
            return elsewhere;
        }

        var read = new ReadRequest
        {
            RequestId = request.Id,
            Sink = sink,
            Region = region!,
            Version = request.Version,
            Deadline = DeadlineOf(request.TimeoutMs),
            AnyPeer = asked.Mode == ReadMode.ReadIndex,
            Keys = keys,
            ExistsOnly = asked.ExistsOnly,
        };
        if (asked.Mode == ReadMode.Lease && region!.Gate is not null)
        {
            return _reads.TryPostGet(read) ? null : Errors.Busy("too many reads wait for the disk", 50);
        }

        return AskRaft(read);
    }

    private RegionError? Scan(Request request, IResponseSink sink)
    {
        ScanRequest scan = request.Scan;
        if (scan.StartKey.Length > _options.Limits.KeyBytesMax || scan.EndKey.Length > _options.Limits.KeyBytesMax)
        {
            return Errors.Invalid("key", $"a bound of the scan is longer than {_options.Limits.KeyBytesMax} bytes");
        }

        if (!scan.EndKey.IsEmpty && scan.StartKey.Span.SequenceCompareTo(scan.EndKey.Span) > 0)
        {
            return Errors.Invalid("start_key", "the scan's start key lies after its end key");
        }

        ulong regionId = request.RegionId;
        RegionHandle? region = regionId != 0
            ? _table.Find(new RegionId(regionId))
            : scan.Reverse ? FindReverse(scan) : _table.FindByKey(KeySpace.ToInternal(scan.StartKey.Span));
        if (region is null || region.Descriptor.IsSystem)
        {
            return Errors.RegionNotFound(regionId);
        }

        if (request.Version != 0 && region.Descriptor.Epoch.Version != request.Version)
        {
            return Errors.EpochNotMatch(region);
        }

        if (scan.Mode == ReadMode.Lease && LedElsewhere(region) is { } elsewhere)
        {
            return elsewhere;
        }

        ReadRequest read = NewRead(request, region, sink, scan.Mode, null, scan, existsOnly: false);
        if (scan.Mode == ReadMode.Lease && region.Gate is not null)
        {
            return _reads.TryPost(read) ? null : Errors.Busy("too many scans wait", 50);
        }

        return AskRaft(read);
    }

    /// <summary>
    /// The region where a reverse scan without a region id begins: the one that holds the last key below its end.
    /// </summary>
    private RegionHandle? FindReverse(ScanRequest scan)
    {
        byte[] end = KeySpace.EndToInternal(scan.EndKey.Span);
        foreach (RegionHandle region in _table.All)
        {
            if (region.Descriptor.Start.AsSpan().SequenceCompareTo(end) < 0
                && region.Descriptor.End.AsSpan().SequenceCompareTo(end) >= 0)
            {
                return region;
            }
        }

        return null;
    }

    private ReadRequest NewRead(
        Request request, RegionHandle region, IResponseSink sink, ReadMode mode, byte[]? key, ScanRequest? scan,
        bool existsOnly) =>
            new()
        {
            RequestId = request.Id,
            Sink = sink,
            Region = region,
            Version = request.Version,
            Deadline = DeadlineOf(request.TimeoutMs),
            AnyPeer = mode == ReadMode.ReadIndex,
            Key = key,
            Scan = scan,
            ExistsOnly = existsOnly,
        };

    private enum LeaseGet : byte
    {
        Answered = 0,
        NoLease = 1,
        NeedsDisk = 2,
    }
}
