namespace Kv.Raft;

/// <summary>What one step of a membership change does. Numbers are the log's: never reuse one.</summary>
public enum ConfChangeKind : byte
{
    /// <summary>Makes a caught-up learner a voter.</summary>
    AddVoter = 1,

    /// <summary>Adds a learner, or makes a voter one.</summary>
    AddLearner = 2,

    RemovePeer = 3,
}
