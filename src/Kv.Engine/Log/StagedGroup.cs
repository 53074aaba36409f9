namespace Kv.Engine.Log;

/// <summary>A group as it will be after the operations of the batch encoded so far.</summary>
internal struct StagedGroup
{
    /// <summary>The group as it is now; null when the log holds nothing of it.</summary>
    public LogGroup? Group;
    public bool Exists;
    public bool IsDamaged;

    /// <summary>
    /// The batch changed entries, so terms below the last are no longer those of <see cref="Group"/>.
    /// </summary>
    public bool EntriesChanged;
    public LogHardState HardState;
    public ulong TruncatedIndex;
    public ulong TruncatedTerm;
    public ulong LastIndex;
    public ulong LastTerm;
}
