// Owns the birth of regions in meta: what must be durable, in one synced batch, before a new region's peers do anything
// (Truth law).
using Kv.Base;
using Kv.Engine;
using Kv.Protocol;
using Kv.Store.Meta;

namespace Kv.Store;

/// <summary>
/// Writes and reads a store's region records. Used by founding before there is a store, and by the store at open.
/// </summary>
public static class StoreMeta
{
    /// <summary>
    /// Where every region's log begins: above 0, so that a peer that is added later and holds nothing can be told from
    /// one that was born with the region, and is started by a snapshot.
    /// </summary>
    internal static readonly LogIndex BirthIndex = new(5);

    internal static readonly Term BirthTerm = new(1);

    /// <summary>
    /// Adds the birth of regions with an empty log to the batch. The caller writes it with a sync before anyone is
    /// told.
    /// </summary>
    public static void AddBirths(IEngineBatch batch, IEnumerable<RegionDescriptor> regions)
    {
        foreach (RegionDescriptor region in regions)
        {
            var record = new PeerRecord(region, PeerLife.Live, BirthIndex, BirthTerm);
            batch.Put(ColumnFamily.Meta, MetaKeys.Region(region.Id), record.Encode());
        }
    }

    /// <summary>Regions with a record in meta, dead ones included.</summary>
    public static int CountRegions(IEngineReader engine)
    {
        int count = 0;
        using IEngineIterator rows = engine.Iterate(ColumnFamily.Meta, MetaKeys.RegionsStart, MetaKeys.RegionsEnd);
        for (rows.SeekToFirst(); rows.Valid; rows.Next())
        {
            count++;
        }

        return count;
    }

    internal static IEnumerable<PeerRecord> ReadRegions(IEngineReader engine)
    {
        using IEngineIterator rows = engine.Iterate(ColumnFamily.Meta, MetaKeys.RegionsStart, MetaKeys.RegionsEnd);
        for (rows.SeekToFirst(); rows.Valid; rows.Next())
        {
            yield return PeerRecord.Decode(rows.Value);
        }
    }

    internal static AppliedState ReadApplied(IEngineReader engine, PeerRecord record)
    {
        byte[]? bytes = engine.Get(ColumnFamily.Meta, MetaKeys.Applied(record.Descriptor.Id));
        return bytes is null
            ? new AppliedState(record.InitialIndex, record.InitialTerm, 0, 0, 0)
            : AppliedState.Read(bytes);
    }
}
