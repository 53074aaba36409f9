using Google.Protobuf;
using Kv.Base;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Store;

/// <summary>
/// Makes the typed answers that tell a client how to repair its view. Keys in them are the caller's own (Key law).
/// </summary>
internal static class Errors
{
    public static RegionError NotLeader(RegionHandle region, Func<StoreId, StoreInfo?> stores, bool maybeApplied)
    {
        LeaderHint hint = region.Leader;
        var error = new NotLeader { RegionId = region.Id.Value };
        if (!hint.Peer.IsNone && hint.Peer != region.Self)
        {
            error.Leader = new Kv.Protocol.V1.Peer { Id = hint.Peer.Value, StoreId = hint.Store.Value };
            error.LeaderStore = stores(hint.Store);
        }

        return new RegionError
        {
            Message = hint.Peer.IsNone
                ? $"region {region.Id} has no known leader at this store"
                : $"region {region.Id} is led by store {hint.Store}",
            MaybeApplied = maybeApplied,
            NotLeader = error,
        };
    }

    public static RegionError EpochNotMatch(RegionHandle region)
    {
        var error = new EpochNotMatch();
        error.CurrentRegions.Add(Route(region));
        return new RegionError { Message = $"{region.Descriptor} is not the version asked for", EpochNotMatch = error };
    }

    public static RegionError RegionNotFound(ulong region) => new()
    {
        Message = region == 0 ? "no region of this store holds the key" : $"region {region} has no peer on this store",
        RegionNotFound = new RegionNotFound { RegionId = region },
    };

    public static RegionError KeyNotInRegion(RegionHandle region, ReadOnlySpan<byte> internalKey) => new()
    {
        Message = $"the key is outside {region.Descriptor}",
        KeyNotInRegion = new KeyNotInRegion { Key = ByteString.CopyFrom(KeySpace.StartToUser(internalKey)),
            Region = Route(region) },
    };

    public static RegionError Busy(string reason, uint retryAfterMs) => new()
    {
        Message = $"the store is busy: {reason}",
        ServerIsBusy = new ServerIsBusy { Reason = reason, RetryAfterMs = retryAfterMs },
    };

    public static RegionError Invalid(string field, string message) => new()
    {
        Message = message,
        InvalidRequest = new InvalidRequest { Field = field },
    };

    public static RegionError LogFull(long bytes, long bytesMax) => new()
    {
        Message = $"the raft log holds {bytes} bytes, at most {bytesMax} are allowed (log.bytesMax): writes"
            + $" wait until it can be cut; "
            + "see whether a store is down, since the log is kept for it",
        LogFull = new LogFull { LogBytes = (ulong)bytes, LogBytesMax = (ulong)bytesMax },
    };

    public static RegionError Expired(bool maybeApplied) => new()
    {
        Message = maybeApplied ? "the time ran out while the write was in progress"
            : "the time ran out before it was begun",
        MaybeApplied = maybeApplied,
        DeadlineExceeded = new DeadlineExceeded(),
    };

    public static RegionError NotReady(string message) => new() { Message = message, NotReady = new NotReady() };

    public static RegionError StampTooOld(ulong floor, ulong regionTime) => new()
    {
        Message = "the write's stamp lies below the region's floor: it was not executed now, and whether it was"
            + " before is forgotten",
        StampTooOld = new StampTooOld { Floor = floor, RegionTime = regionTime },
    };

    public static RegionError Stray() => new()
    {
        Message = "the session has acknowledged this sequence: a stray copy, not executed",
        Undetermined = new Undetermined { Reason = "below the session's lowest unacknowledged sequence" },
    };

    public static RegionRoute Route(RegionHandle region) => new()
    {
        Region = region.Descriptor.ToUserMessage(),
        LeaderPeerId = region.Leader.Peer.Value,
        Term = region.Leader.Term.Value,
    };
}
