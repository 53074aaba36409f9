// Owns the two records that say which store a folder is: identity and founding. They lie in the engine's meta column
// family, so that they and the births of regions can be written in one synced batch (Truth law).
using Google.Protobuf;
using Kv.Base;
using Kv.Engine;
using Kv.Placement.Founding;
using Kv.Protocol;
using Kv.Protocol.Placement.V1;
using Kv.Store;

namespace Kv.Server.Folder;

/// <summary>Reads and writes a store's identity and founding record. Used by one thread at a time.</summary>
internal sealed class FolderMeta(IEngine engine) : IFoundingStorage
{
    /// <summary>Version of what a data folder holds.</summary>
    public const uint FormatVersion = 1;

    /// <summary>Letters that Kv.Store's meta keys do not use: 'I' identity, 'F' founding.</summary>
    private static readonly byte[] IdentityKey = [(byte)'I'];

    private static readonly byte[] FoundingKey = [(byte)'F'];

    /// <summary>First and past the last letter of what births write ('R', regions).</summary>
    private static readonly byte[] BirthsStart = [(byte)'R'];

    private static readonly byte[] BirthsEnd = [(byte)'R' + 1];

    /// <summary>The identity; an empty one, without cluster, in a new folder.</summary>
    public IdentityRecord LoadIdentity()
    {
        byte[]? bytes = engine.Get(ColumnFamily.Meta, IdentityKey);
        IdentityRecord identity = bytes is null
            ? new IdentityRecord { FormatVersion = FormatVersion }
            : IdentityRecord.Parser.ParseFrom(bytes);
        return identity.FormatVersion <= FormatVersion
            ? identity
            : throw new StartException(
                ExitCode.DataFolder,
                $"the data folder has format {identity.FormatVersion}, this program knows up to {FormatVersion}: "
                + $"use a newer program");
    }

    public void SaveIdentity(IdentityRecord identity)
    {
        using IEngineBatch batch = engine.NewBatch();
        batch.Put(ColumnFamily.Meta, IdentityKey, identity.ToByteArray());
        engine.Write(batch, sync: true);
    }

    public FoundingRecord Load()
    {
        byte[]? bytes = engine.Get(ColumnFamily.Meta, FoundingKey);
        return bytes is null ? new FoundingRecord() : FoundingRecord.Parser.ParseFrom(bytes);
    }

    public void Save(FoundingRecord record)
    {
        using IEngineBatch batch = engine.NewBatch();
        batch.Put(ColumnFamily.Meta, FoundingKey, record.ToByteArray());
        engine.Write(batch, sync: true);
    }

    public void SaveWithBirths(FoundingRecord record)
    {
        IdentityRecord identity = LoadIdentity();
        Invariant.Require(identity.ClusterId == 0);
        identity.ClusterId = record.Plan.ClusterId;
        identity.StoreId = record.Plan.Recipient + 1;
        identity.LeaseMs = record.Plan.LeaseMs;
        identity.LeaseDriftMs = record.Plan.LeaseDriftMs;
        using IEngineBatch batch = engine.NewBatch();
        batch.Put(ColumnFamily.Meta, IdentityKey, identity.ToByteArray());
        batch.Put(ColumnFamily.Meta, FoundingKey, record.ToByteArray());
        StoreMeta.AddBirths(batch, record.Plan.Regions.Select(RegionDescriptor.FromMessage));
        engine.Write(batch, sync: true);
    }

    public void SaveWithoutBirths(FoundingRecord record)
    {
        // Only a founder that has never served gives a founding up: no log and no data of these regions exist.
        var identity = new IdentityRecord { FormatVersion = FormatVersion };
        using IEngineBatch batch = engine.NewBatch();
        batch.DeleteRange(ColumnFamily.Meta, BirthsStart, BirthsEnd);
        batch.Put(ColumnFamily.Meta, IdentityKey, identity.ToByteArray());
        batch.Put(ColumnFamily.Meta, FoundingKey, record.ToByteArray());
        engine.Write(batch, sync: true);
    }
}
