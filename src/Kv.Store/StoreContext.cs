using Kv.Base;
using Kv.Engine;
using Kv.Engine.Log;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Kv.Store;

/// <summary>Everything a store stands on. All that is not deterministic enters here (seams).</summary>
public sealed record StoreContext
{
    public required ClusterId Cluster { get; init; }

    /// <summary>This store as others see it: id, addresses, incarnation of this start.</summary>
    public required StoreInfo Self { get; init; }

    public required StoreOptions Options { get; init; }

    public required IEngine Engine { get; init; }

    public required ISharedLog Log { get; init; }

    public required ITransport Transport { get; init; }

    /// <summary>Monotonic, counting machine sleep (Lease law), in nanoseconds.</summary>
    public required TimeProvider Clock { get; init; }

    public required ulong Seed { get; init; }

    public required ILogger Logger { get; init; }

    /// <summary>What runs beside region 1's leader; null when placement is not part of this process.</summary>
    public ISystemRegionListener? SystemListener { get; init; }

    /// <summary>Free bytes where the data lies, for reports; null = not told.</summary>
    public Func<long>? FreeBytes { get; init; }

    public StoreId Id => new(Self.Id);

    public Incarnation Incarnation => new(Self.Incarnation);
}
