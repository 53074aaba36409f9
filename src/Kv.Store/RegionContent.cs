// Owns the fingerprint of one region's replicated state in the engine: what two peers with the same applied index must
// have alike, byte for byte.
using Kv.Base;
using Kv.Engine;
using Kv.Protocol;
using Kv.Store.Meta;

namespace Kv.Store;

/// <summary>Hashes what a region's peers hold in common: data, locks and sequences, outcomes, applied state.</summary>
internal static class RegionContent
{
    /// <summary>All of it from one view of the engine.</summary>
    public static ulong Hash(IEngineReader view, RegionDescriptor region)
    {
        ulong hash = 0xcbf29ce484222325;
        hash = Add(hash, view, ColumnFamily.Data, region.Start, region.End);
        hash = Add(hash, view, ColumnFamily.Aux, region.Start, region.End);
        hash = Add(
            hash, view, ColumnFamily.Meta, MetaKeys.Outcomes(region.Id, LogIndex.Zero),
            MetaKeys.OutcomesEnd(region.Id));
        return Add(hash, view.Get(ColumnFamily.Meta, MetaKeys.Applied(region.Id)) ?? []);
    }

    private static ulong Add(ulong hash, IEngineReader view, ColumnFamily family, byte[] start, byte[] end)
    {
        using IEngineIterator rows = view.Iterate(family, start, end);
        for (rows.SeekToFirst(); rows.Valid; rows.Next())
        {
            hash = Add(hash, rows.Key);
            hash = Add(hash, rows.Value);
        }

        return hash;
    }

    private static ulong Add(ulong hash, ReadOnlySpan<byte> bytes)
    {
        hash = (hash ^ (ulong)bytes.Length) * 0x100000001b3;
        foreach (byte each in bytes)
        {
            hash = (hash ^ each) * 0x100000001b3;
        }

        return hash;
    }
}
