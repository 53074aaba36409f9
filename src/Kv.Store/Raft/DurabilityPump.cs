// Owns the rhythm of the Cut law: note what each region has applied, sync the engine's write-ahead log, and only then
// call what was noted durable. The raft log is cut by that word alone.
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Protocol.V1;
using Kv.Store.Meta;

namespace Kv.Store.Raft;

/// <summary>A region's applied position that is durable in the engine.</summary>
internal readonly record struct DurableApplied(RegionHandle Region, LogIndex Index);

internal sealed class DurabilityPump(
    IEngine engine,
    TimeProvider clock,
    StoreOptions options,
    Func<long> unsyncedBytes,
    Action takeUnsyncedBytes,
    Func<IReadOnlyList<RegionHandle>> regions,
    StoreBook stores,
    Action<List<DurableApplied>> done)
    : Pump
{
    private const int EstimatesPerRound = 16;

    /// <summary>
    /// A region under writes is estimated again after this; one that has come to rest, at once. An estimate walks the
    /// memory tables: done every second for every busy region it costs as much as a tenth of applying the writes.
    /// </summary>
    private const long EstimateAgainMs = 10_000;

    private readonly Dictionary<RegionId, LogIndex> _noted = [];
    private readonly Dictionary<RegionId, SizeNote> _sizes = [];
    private int _estimateAt;
    private Instant _next = Instant.Zero;

    public override string Name => "durable";

    public override Instant NextDue => _next;

    public override bool RunOnce()
    {
        Instant now = Instant.Now(clock);
        if (now < _next && unsyncedBytes() < options.DurableBytes && !Buggify.At("store.durable.early"))
        {
            return false;
        }

        _next = now.PlusMs(options.DurableIntervalMs);
        takeUnsyncedBytes();
        List<DurableApplied> moved = Note();
        bool learnt = WriteKnownStores();
        Estimate(now);
        if (moved.Count == 0 && !learnt)
        {
            return false;
        }

        engine.SyncWal();
        foreach (DurableApplied mark in moved)
        {
            _noted[mark.Region.Id] = mark.Index;
        }

        done(moved);
        return true;
    }

    /// <summary>What was heard of other stores outlives a restart (Finding law).</summary>
    private bool WriteKnownStores()
    {
        List<StoreInfo> changed = stores.TakeChanged();
        if (changed.Count == 0)
        {
            return false;
        }

        using IEngineBatch batch = engine.NewBatch();
        foreach (StoreInfo store in changed)
        {
            batch.Put(ColumnFamily.Meta, MetaKeys.KnownStore(new StoreId(store.Id)), store.ToByteArray());
        }

        engine.Write(batch, sync: false);
        return true;
    }

    /// <summary>
    /// Sizes for status and placement: some regions per round, so that many regions cost no more than few.
    /// </summary>
    private void Estimate(Instant now)
    {
        IReadOnlyList<RegionHandle> all = regions();
        for (int i = 0; i < Math.Min(EstimatesPerRound, all.Count); i++)
        {
            _estimateAt = (_estimateAt + 1) % all.Count;
            RegionHandle region = all[_estimateAt];
            LogIndex applied = region.Applied;
            SizeNote note = _sizes.GetValueOrDefault(region.Id);
            if (applied == note.Estimated)
            {
                continue;
            }

            if (applied == note.Seen || now >= note.Due)
            {
                region.EstimatedBytes = engine.EstimateBytes(
                    ColumnFamily.Data, region.Descriptor.Start, region.Descriptor.End);
                note = new SizeNote(applied, applied, now.PlusMs(EstimateAgainMs));
            }

            _sizes[region.Id] = note with { Seen = applied };
        }
    }

    private List<DurableApplied> Note()
    {
        var moved = new List<DurableApplied>();
        foreach (RegionHandle region in regions())
        {
            LogIndex applied = region.Applied;
            if (applied > _noted.GetValueOrDefault(region.Id))
            {
                moved.Add(new DurableApplied(region, applied));
            }
        }

        return moved;
    }

    /// <summary>What a region had applied when its size was estimated and when it was last looked at.</summary>
    private readonly record struct SizeNote(LogIndex Estimated, LogIndex Seen, Instant Due);
}
