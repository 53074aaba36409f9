// Owns what the client believes of one region. Range, epoch and peers never change in one object; a newer region is a
// new object.
using Kv.Base;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

internal sealed class CachedRegion
{
    // The store that said last that it does not lead, and the newest term known then.
    private ulong _deniedStoreId;
    private ulong _deniedTerm;

    public CachedRegion(Region region, ulong leaderStoreId, ulong term)
    {
        Id = region.Id;
        Start = region.StartKey.Memory;
        End = region.EndKey.Memory;
        ConfVersion = region.Epoch?.ConfVersion ?? 0;
        Version = region.Epoch?.Version ?? 0;
        StoreIds = new ulong[region.Peers.Count];
        for (int i = 0; i < StoreIds.Length; i++)
        {
            StoreIds[i] = region.Peers[i].StoreId;
        }

        LeaderStoreId = leaderStoreId;
        Term = term;
    }

    public ulong Id { get; }

    public ReadOnlyMemory<byte> Start { get; }

    /// <summary>Exclusive; empty = to the last key.</summary>
    public ReadOnlyMemory<byte> End { get; }

    public ulong ConfVersion { get; }

    public ulong Version { get; }

    /// <summary>Stores that hold a peer, in the order of the descriptor.</summary>
    public ulong[] StoreIds { get; }

    /// <summary>A hint; 0 = not known.</summary>
    public ulong LeaderStoreId { get; set; }

    /// <summary>Term of the newest leader that a route named; 0 = not known.</summary>
    public ulong Term { get; set; }

    /// <summary>Whether a lookup of it has been asked for and is not done yet.</summary>
    public bool RefreshWanted { get; set; }

    /// <summary>How often one of its stores has said that it has no such region.</summary>
    public int NotFoundCount { get; set; }

    /// <summary>Whether the cache has let it go; only an object still in the cache is refreshed.</summary>
    public bool Dropped { get; set; }

    public bool Contains(ReadOnlySpan<byte> key) => key.SequenceCompareTo(Start.Span) >= 0 && IsBelowEnd(key);

    public bool IsBelowEnd(ReadOnlySpan<byte> key) => End.IsEmpty || key.SequenceCompareTo(End.Span) < 0;

    public bool Overlaps(CachedRegion other) => other.IsBelowEnd(Start.Span) && IsBelowEnd(other.Start.Span);

    /// <summary>
    /// Whether this one came before <paramref name="other"/>. Of two regions that cover the same key the one with the
    /// higher version is the later, whatever their ids: split and merge always raise it.
    /// </summary>
    public bool IsOlderThan(CachedRegion other) =>
        Version < other.Version || (Version == other.Version && Id == other.Id && ConfVersion < other.ConfVersion);

    public bool SameEpoch(CachedRegion other) =>
        Id == other.Id && Version == other.Version && ConfVersion == other.ConfVersion;

    /// <summary>
    /// A store says itself that it does not lead. Routes that still name it, in no newer term, are out of date.
    /// </summary>
    public void Deny(ulong storeId)
    {
        _deniedStoreId = storeId;
        _deniedTerm = Term;
        if (LeaderStoreId == storeId)
        {
            LeaderStoreId = 0;
        }
    }

    public bool HasDenied(CachedRegion said) =>
        said.LeaderStoreId == _deniedStoreId && said.LeaderStoreId != 0 && said.Term <= _deniedTerm;

    public bool HasStore(ulong storeId) => Array.IndexOf(StoreIds, storeId) >= 0;

    public override string ToString() => $"region {new RegionId(Id)} version {Version}";
}
