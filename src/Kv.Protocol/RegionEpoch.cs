namespace Kv.Protocol;

/// <summary>Which incarnation of a region's membership and range one speaks of (Epoch law).</summary>
/// <param name="ConfVersion">Raised by every membership change.</param>
/// <param name="Version">Raised by every split and merge.</param>
public readonly record struct RegionEpoch(ulong ConfVersion, ulong Version)
{
    public static readonly RegionEpoch First = new(1, 1);

    /// <summary>
    /// Whether this one can only have come after <paramref name="other"/>: no part lower, one part higher.
    /// </summary>
    public bool IsNewerThan(RegionEpoch other) =>
        ConfVersion >= other.ConfVersion && Version >= other.Version && this != other;
}
