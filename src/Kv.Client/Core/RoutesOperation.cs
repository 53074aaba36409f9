using System.Text;
using Google.Protobuf;
using Kv.Protocol;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>Asks placement where regions and stores are. What it answers also feeds the client's own cache.</summary>
public sealed class RoutesOperation : ClientOperation, IRoutesAsker
{
    private PlacementCall? _call;

    /// <summary>First key of interest; empty = from the first.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Keys from here on are of no interest; empty = to the last.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>Leave the regions out.</summary>
    public bool StoresOnly { get; init; }

    /// <summary>The answer; valid once completed without error.</summary>
    public RoutesResponse? Routes { get; private set; }

    internal override string Kind => "routes";

    bool IRoutesAsker.Wanted => !IsCompleted;

    Kv.Base.Instant IRoutesAsker.Deadline => Deadline;

    internal override KvInvalidRequestException? Check(Limits limits) => RequestChecks.Range(Start, End, limits);

    internal override void Begin(ClientPump pump)
    {
        _call = new PlacementCall(pump, this);
        _call.Dispatch();
    }

    RoutesRequest IRoutesAsker.Ask() => new()
    {
        StartKey = ByteString.CopyFrom(Start.Span),
        EndKey = ByteString.CopyFrom(End.Span),
        StoresOnly = StoresOnly,
    };

    void IRoutesAsker.OnRoutes(ClientPump pump, RoutesResponse routes)
    {
        if (!IsCompleted)
        {
            Routes = routes;
            pump.Finish(this, error: null);
        }
    }

    void IRoutesAsker.OnAbandoned()
    {
    }

    void IRoutesAsker.OnRefused(ClientPump pump, KvException error)
    {
        if (!IsCompleted)
        {
            pump.Finish(this, error);
        }
    }

    internal override Exception DescribeEnd(string what, Exception? cause)
    {
        if (cause is not null)
        {
            return cause;
        }

        var text = new StringBuilder("lookup of routes ").Append(what).Append(": ");
        _call!.DescribeTo(text);
        return new KvTimeoutException(text.ToString());
    }

    internal override void DetachCalls() => _call?.Detach();
}
