using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Store.Reads;

/// <summary>A read between the door and its answer.</summary>
internal sealed class ReadRequest
{
    public required ulong RequestId { get; init; }

    public required IResponseSink Sink { get; init; }

    public required RegionHandle Region { get; init; }

    /// <summary>RegionEpoch.Version the caller was routed by; 0 = whatever it is.</summary>
    public required ulong Version { get; init; }

    public required Instant Deadline { get; init; }

    /// <summary>Any peer may answer: only leadership of the lease kind is asked for otherwise.</summary>
    public required bool AnyPeer { get; init; }

    /// <summary>Internal key of a point read; null for others.</summary>
    public byte[]? Key { get; init; }

    /// <summary>Internal keys of a multi-get; null for others.</summary>
    public byte[][]? Keys { get; init; }

    /// <summary>A get, or multi-get, that leaves values out.</summary>
    public bool ExistsOnly { get; init; }

    public ScanRequest? Scan { get; init; }

    /// <summary>A read of the whole system region for placement, answered in internal keys.</summary>
    public Action<IReadOnlyList<KeyValuePair<byte[], byte[]>>?>? SystemLoad { get; init; }

    /// <summary>A ReadIndex round has shown that a view taken from now on is linearizable.</summary>
    public bool Confirmed { get; set; }

    /// <summary>The gate that a read loop saw first, while its view is still to be taken.</summary>
    public ReadGate? GateSeen { get; set; }

    public void Fail(RegionError error)
    {
        if (SystemLoad is not null)
        {
            SystemLoad(null);
            return;
        }

        Sink.OnResponse(new Response { Id = RequestId, RegionTime = Region.RegionTime, Error = error });
    }
}
