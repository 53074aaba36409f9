// Owns how region calls find their store and what each answer leads to: the typed reaction to every region error. The
// stores are the truth and placement a hint: what an error says about regions and leaders is believed before any
// lookup.
using System.Globalization;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal sealed class RegionCalls(ClientPump pump, RegionCache cache, StoreBook stores, RouteFinder finder)
{
    // Two stores that point at each other, or an epoch that flips, may cost this many requests without a wait in
    // between.
    private const int HopsMax = 3;

    public void Dispatch(RegionCall call)
    {
        if (!call.Wanted)
        {
            return;
        }

        CachedRegion? region = call.Operation.Find(cache, call);
        if (region is null)
        {
            finder.Await(call);
            return;
        }

        call.Operation.OnRouted(pump, call, region);
        call.Region = region;
        if (ChooseLane(region, call.Rotation) is { } lane)
        {
            pump.Queue(call, lane);
        }
        else
        {
            finder.Refresh(region);
            call.Rotation++;
            call.LastError ??= DescribeUnreachable(region);
            pump.Delay(call, BackoffKind.StoreUnreachable);
        }
    }

    /// <summary>
    /// An attempt was not sent, or not answered: another peer is asked; it knows the leader or becomes it.
    /// </summary>
    public void OnUnanswered(RegionCall call)
    {
        Invariant.Require(call.Region is not null && call.Lane is not null);
        StoreLane lane = call.Lane;
        call.LastError = $"{call.Region} at {lane.Address}: {lane.LastFailure}";
        call.Rotation++;
        if (lane.StoreId == call.Region.LeaderStoreId && !lane.IsDown)
        {
            // The store answers others: it may have been cut off from its quorum. Ask who leads.
            call.Region.LeaderStoreId = 0;
        }

        finder.Refresh(call.Region);
        if (call.Wanted)
        {
            Hop(call, BackoffKind.NoLeader);
        }
    }

    public void OnResponse(RegionCall call, StoreLane lane, Response response)
    {
        RegionError? error = response.ResultCase == Response.ResultOneofCase.Error ? response.Error
            : response.ResultCase == Response.ResultOneofCase.Scan ? response.Scan.RegionError
            : response.ResultCase == Response.ResultOneofCase.MultiGet ? response.MultiGet.RegionError
            : null;
        if (error?.MaybeApplied == true)
        {
            call.MarkMaybeExecuted();
        }

        if (error is not null)
        {
            OnError(call, lane, error);
            return;
        }

        if (call.Wanted && !call.Operation.OnResult(pump, call, response))
        {
            // An answer that is neither a result nor an error says nothing about what was done.
            call.MarkMaybeExecuted();
            call.LastError = $"{call.Region} at {lane.Address}: an answer of the wrong kind ({response.ResultCase})";
            pump.Delay(call, BackoffKind.RegionMiss);
        }
    }

    private void OnError(RegionCall call, StoreLane lane, RegionError error)
    {
        call.LastError = string.Create(
            CultureInfo.InvariantCulture, $"{call.Region} at {lane.Address}: {error.KindCase}: {error.Message}");
        switch (error.KindCase)
        {
            case RegionError.KindOneofCase.NotLeader:
                OnNotLeader(call, lane, error.NotLeader);
                break;
            case RegionError.KindOneofCase.EpochNotMatch:
                OnEpochNotMatch(call, error.EpochNotMatch);
                break;
            case RegionError.KindOneofCase.RegionNotFound:
                OnRegionNotFound(call, lane);
                break;
            case RegionError.KindOneofCase.KeyNotInRegion:
                OnKeyNotInRegion(call, error.KeyNotInRegion);
                break;
            case RegionError.KindOneofCase.ServerIsBusy:
                Wait(call, BackoffKind.ServerBusy, (int)Math.Min(error.ServerIsBusy.RetryAfterMs, 60_000));
                break;
            case RegionError.KindOneofCase.LogFull:
                Wait(call, BackoffKind.ServerBusy);
                break;
            case RegionError.KindOneofCase.StampTooOld:
                OnStampTooOld(call, error.StampTooOld);
                break;
            case RegionError.KindOneofCase.Undetermined:
                OnUndetermined(call, error);
                break;
            case RegionError.KindOneofCase.InvalidRequest:
                OnInvalidRequest(call, error);
                break;
            case RegionError.KindOneofCase.NotReady:
                call.Region!.Deny(lane.StoreId);
                TurnAway(call, BackoffKind.NoLeader);
                break;
            case RegionError.KindOneofCase.DeadlineExceeded:
                Wait(call, BackoffKind.RegionMiss);
                break;
            case RegionError.KindOneofCase.NotPlacementLeader:
            case RegionError.KindOneofCase.None:
            default:
                // A kind from a newer server, or one that makes no sense here: look again and ask elsewhere.
                TurnAway(call, BackoffKind.RegionMiss);
                break;
        }
    }

    private void OnNotLeader(RegionCall call, StoreLane lane, NotLeader notLeader)
    {
        if (notLeader.LeaderStore is not null)
        {
            stores.Learn(notLeader.LeaderStore);
        }

        CachedRegion region = cache.FindById(call.Region!.Id) ?? call.Region;
        region.Deny(lane.StoreId);
        ulong named = notLeader.LeaderStore?.Id is > 0 ? notLeader.LeaderStore.Id : notLeader.Leader?.StoreId ?? 0;
        if (named == 0 || named == lane.StoreId)
        {
            TurnAway(call, BackoffKind.NoLeader);
            return;
        }

        region.LeaderStoreId = named;
        if (stores.LaneOf(named) is not { } leaderLane)
        {
            // A leader whose address nobody told.
            TurnAway(call, BackoffKind.NoLeader);
        }
        else if (leaderLane.IsDown && !leaderLane.MayProbe(pump.Now))
        {
            // This peer has not noticed yet that its leader is gone.
            call.Rotation++;
            Wait(call, BackoffKind.NoLeader);
        }
        else
        {
            Hop(call, BackoffKind.NoLeader);
        }
    }

    private void OnEpochNotMatch(RegionCall call, EpochNotMatch mismatch)
    {
        foreach (RegionRoute route in mismatch.CurrentRegions)
        {
            pump.Learn(route);
        }

        HopIfRegionChanged(call);
    }

    private void OnKeyNotInRegion(RegionCall call, KeyNotInRegion wrong)
    {
        if (wrong.Region is not null)
        {
            pump.Learn(wrong.Region);
        }

        HopIfRegionChanged(call);
    }

    private void OnRegionNotFound(RegionCall call, StoreLane lane)
    {
        CachedRegion region = call.Region!;
        region.Deny(lane.StoreId);
        region.NotFoundCount++;
        if (region.NotFoundCount > 2 * region.StoreIds.Length)
        {
            cache.Drop(region);
        }

        TurnAway(call, BackoffKind.RegionMiss);
    }

    private void OnStampTooOld(RegionCall call, StampTooOld refused)
    {
        if (call.MaybeExecuted || !call.Operation.IsWrite)
        {
            Fail(call, $"the region has forgotten the outcomes of writes this old: {call.LastError}");
            return;
        }

        pump.Session.OnRegionTime(refused.RegionTime);
        if (call.Wanted)
        {
            call.StampAnew(refused.RegionTime);
            Hop(call, BackoffKind.RegionMiss);
        }
    }

    private void OnUndetermined(RegionCall call, RegionError error)
    {
        if (!call.Operation.IsWrite || error.MaybeApplied)
        {
            // A read may always be asked again; a write may with the same identity, for the region remembers it.
            TurnAway(call, BackoffKind.RegionMiss);
            return;
        }

        call.MarkMaybeExecuted();
        Fail(call, call.LastError!);
    }

    private void OnInvalidRequest(RegionCall call, RegionError error)
    {
        if (call.MaybeExecuted)
        {
            Fail(call, call.LastError!);
        }
        else if (call.Wanted)
        {
            string field = error.InvalidRequest.Field;
            string message = error.Message.Length > 0 ? error.Message : "the store refused the request as invalid";
            call.Operation.OnCallFailed(
                pump, call, new KvInvalidRequestException(field, field.Length > 0 ? $"{field}: {message}" : message));
        }
    }

    private void Fail(RegionCall call, string reason)
    {
        if (call.Wanted)
        {
            call.Operation.OnCallFailed(
                pump,
                call,
                call.MaybeExecuted
                    ? new KvUndeterminedException($"a write was sent and may have been executed: {reason}")
                    : new KvException(reason));
        }
    }

    private void HopIfRegionChanged(RegionCall call)
    {
        CachedRegion asked = call.Region!;
        if (call.Operation.Find(cache, call) is { } found && (found.Id != asked.Id || found.Version != asked.Version))
        {
            Hop(call, BackoffKind.RegionMiss);
        }
        else
        {
            TurnAway(call, BackoffKind.RegionMiss);
        }
    }

    /// <summary>Asks for a fresh look at the region, and another peer after a wait.</summary>
    private void TurnAway(RegionCall call, BackoffKind kind)
    {
        finder.Refresh(call.Region!);
        call.Rotation++;
        Wait(call, kind);
    }

    /// <summary>At once when that has not happened too often in a row, otherwise after a wait.</summary>
    private void Hop(RegionCall call, BackoffKind kind)
    {
        if (call.HopCount < HopsMax)
        {
            call.HopCount++;
            pump.DispatchSoon(call);
        }
        else
        {
            Wait(call, kind);
        }
    }

    private void Wait(RegionCall call, BackoffKind kind, int floorMs = 0) => pump.Delay(call, kind, floorMs);

    /// <summary>
    /// The leader when it answers, or may be tried again; else a peer on a store that answers; else one that may be
    /// tried again.
    /// </summary>
    private StoreLane? ChooseLane(CachedRegion region, int rotation)
    {
        if (stores.LaneOf(region.LeaderStoreId) is { } leader && (!leader.IsDown || leader.MayProbe(pump.Now)))
        {
            return leader;
        }

        StoreLane? spare = null;
        for (int i = 0; i < region.StoreIds.Length; i++)
        {
            ulong storeId = region.StoreIds[(int)((uint)(rotation + i) % (uint)region.StoreIds.Length)];
            if (stores.LaneOf(storeId) is not { } lane)
            {
                continue;
            }

            if (!lane.IsDown)
            {
                return lane;
            }

            if (spare is null && lane.MayProbe(pump.Now))
            {
                spare = lane;
            }
        }

        return spare;
    }

    private string DescribeUnreachable(CachedRegion region)
    {
        foreach (ulong storeId in region.StoreIds)
        {
            if (stores.LaneOf(storeId) is { } lane)
            {
                return $"{region}: no store of it can be reached; {lane.Address}: {lane.LastFailure}";
            }
        }

        return $"{region}: the address of none of its stores is known";
    }
}
