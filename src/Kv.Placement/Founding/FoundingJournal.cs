// Owns the record of a store's founding in memory: always equal to what is durable, because it changes only after a
// save.
using Kv.Protocol.Placement.V1;

namespace Kv.Placement.Founding;

internal sealed class FoundingJournal(IFoundingStorage storage, Action<FoundingRecord> onCommitted)
{
    private FoundingRecord _record = storage.Load();

    /// <summary>Do not change it; <see cref="Draft"/> gives a copy to change and save.</summary>
    public FoundingRecord Record => _record;

    public FoundingStep Step => _record.Step;

    /// <summary>The cluster of the plan; 0 = no plan.</summary>
    public ulong ClusterId => _record.Plan?.ClusterId ?? 0;

    public FoundingRecord Draft() => _record.Clone();

    public void Save(FoundingRecord record)
    {
        storage.Save(record);
        Take(record);
    }

    public void SaveWithBirths(FoundingRecord record)
    {
        storage.SaveWithBirths(record);
        Take(record);
    }

    public void SaveWithoutBirths(FoundingRecord record)
    {
        storage.SaveWithoutBirths(record);
        Take(record);
    }

    private void Take(FoundingRecord record)
    {
        bool committed = record.Step == FoundingStep.Committed && _record.Step != FoundingStep.Committed;
        _record = record;
        if (committed)
        {
            onCommitted(record);
        }
    }
}
