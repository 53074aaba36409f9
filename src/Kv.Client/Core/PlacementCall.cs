// Owns one lookup on its way to the store that runs placement: first the one that answered last, then whom a refusal
// names, then every known store in turn, those that do not answer last.
using System.Globalization;
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal sealed class PlacementCall(ClientPump pump, IRoutesAsker asker) : Call(costBytes: 64)
{
    private const int HopsMax = 3;
    private const int AttemptTimeoutCapMs = 500;

    private StoreLane? _named;

    public override bool Wanted => asker.Wanted;

    public override Instant Deadline => asker.Deadline;

    public override int AttemptTimeoutMs(KvClientOptions options) =>
        Math.Min(AttemptTimeoutCapMs, (int)options.AttemptTimeout.TotalMilliseconds);

    public override void Dispatch()
    {
        if (!Wanted)
        {
            asker.OnAbandoned();
            return;
        }

        StoreLane? lane = _named ?? pump.PlacementLane;
        if (lane is null || (lane.IsDown && !lane.MayProbe(pump.Now)))
        {
            lane = NextLane();
        }

        _named = null;
        if (lane is null)
        {
            pump.Delay(this, BackoffKind.Placement);
        }
        else
        {
            pump.Queue(this, lane);
        }
    }

    public override void Fill(Request request) => request.Routes = asker.Ask();

    public override void OnResponse(StoreLane lane, Response response)
    {
        RegionError? error =
            response.ResultCase == Response.ResultOneofCase.Error ? response.Error : response.Routes?.RegionError;
        if (error is null && response.Routes is { } routes)
        {
            pump.PlacementLane = lane;
            asker.OnRoutes(pump, routes);
            return;
        }

        LastError = string.Create(
            CultureInfo.InvariantCulture,
            $"routes at {lane.Address}: {error?.KindCase}: {error?.Message ?? "an answer of the wrong kind"}");
        if (error?.KindCase == RegionError.KindOneofCase.InvalidRequest)
        {
            asker.OnRefused(pump, new KvInvalidRequestException(error.InvalidRequest.Field, error.Message));
        }
        else if (error?.KindCase == RegionError.KindOneofCase.NotPlacementLeader
            && error.NotPlacementLeader.LeaderStore is { } named
            && pump.LearnStore(named) is { } namedLane
            && namedLane != lane
            && HopCount < HopsMax)
        {
            HopCount++;
            _named = namedLane;
            pump.DispatchSoon(this);
        }
        else
        {
            AskElsewhere(lane);
        }
    }

    public override void OnNotSent(StoreLane lane) => OnInDoubt(lane);

    public override void OnInDoubt(StoreLane lane)
    {
        LastError = $"routes at {lane.Address}: {lane.LastFailure}";
        AskElsewhere(lane);
    }

    public void Detach()
    {
        if (!InFlight)
        {
            List?.Remove(this);
        }
    }

    /// <summary>The next store at once; a wait after each full round.</summary>
    private void AskElsewhere(StoreLane lane)
    {
        if (pump.PlacementLane == lane)
        {
            pump.PlacementLane = null;
        }

        Rotation++;
        if (Rotation % pump.Lanes.Count == 0)
        {
            pump.Delay(this, BackoffKind.Placement);
        }
        else
        {
            pump.DispatchSoon(this);
        }
    }

    private StoreLane? NextLane()
    {
        StoreLane? spare = null;
        for (int i = 0; i < pump.Lanes.Count; i++)
        {
            StoreLane lane = pump.Lanes[(Rotation + i) % pump.Lanes.Count];
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
}
