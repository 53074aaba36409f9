using Kv.Protocol.Placement.V1;

namespace Kv.Placement.Founding;

/// <summary>
/// What a store keeps of a founding, in its folder. Every call is durable on return or throws; a throw ends the store.
/// Called from the founding pump only.
/// </summary>
public interface IFoundingStorage
{
    /// <summary>The record; an empty one when there is none.</summary>
    FoundingRecord Load();

    /// <summary>Writes the record.</summary>
    void Save(FoundingRecord record);

    /// <summary>
    /// Writes, in one batch: the record, this store's identity from its plan (cluster id; store id of the recipient),
    /// and every region of the plan with this store's peer (Truth law).
    /// </summary>
    void SaveWithBirths(FoundingRecord record);

    /// <summary>
    /// Writes, in one batch: the record, and takes back what <see cref="SaveWithBirths"/> wrote besides it.
    /// </summary>
    void SaveWithoutBirths(FoundingRecord record);
}
