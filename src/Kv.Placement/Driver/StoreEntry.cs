using Kv.Base;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;

namespace Kv.Placement.Driver;

/// <summary>
/// What placement knows of one store: its durable record, and what it told since this driver took over.
/// </summary>
internal sealed class StoreEntry(StoreRecord record)
{
    public StoreRecord Record { get; set; } = record;

    /// <summary>The record's addresses with the newest incarnation and version told.</summary>
    public StoreInfo Info { get; set; } = record.Store;

    public StoreId Id => new(Record.Store.Id);

    public bool Reported { get; set; }

    public Instant LastReport { get; set; }

    public ulong Incarnation { get; set; }

    public ulong Sequence { get; set; }

    /// <summary>It has told every region it holds, to this driver, in its newest incarnation.</summary>
    public bool ReportedInFull { get; set; }

    public bool Stopping { get; set; }

    /// <summary>Number of the store list that was last sent to it.</summary>
    public ulong StoreListSent { get; set; }

    public StoreReport? Load { get; set; }
}
