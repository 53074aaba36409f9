using Kv.Base;
using Kv.Protocol;

namespace Kv.Placement.Driver;

/// <summary>What placement knows of one region, from reports only.</summary>
internal sealed class RegionEntry(RegionDescriptor descriptor)
{
    public RegionDescriptor Descriptor { get; set; } = descriptor;

    /// <summary>Leader in <see cref="Term"/>; none = not known in that term.</summary>
    public PeerId Leader { get; set; }

    public ulong Term { get; set; }

    public ulong Bytes { get; set; }

    public ulong Keys { get; set; }

    public bool Asleep { get; set; }

    public ulong Committed { get; set; }

    public ulong Applied { get; set; }

    /// <summary>Newest applied index that each store told of its own peer.</summary>
    public SortedDictionary<StoreId, ulong> AppliedByStore { get; } = [];

    public StoreId LeaderStore => Descriptor.PeerOf(Leader)?.Store ?? default;
}
