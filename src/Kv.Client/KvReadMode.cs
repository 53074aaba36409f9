namespace Kv.Client;

/// <summary>
/// How a read makes sure that it sees every write acknowledged before it began. Both modes do (Read law).
/// </summary>
public enum KvReadMode
{
    /// <summary>
    /// The region's leader answers at once while its lease runs; otherwise as <see cref="ReadIndex"/>.
    /// </summary>
    Lease = 0,

    /// <summary>Always one round to a quorum of the region: slower, and independent of clocks.</summary>
    ReadIndex = 1,
}
