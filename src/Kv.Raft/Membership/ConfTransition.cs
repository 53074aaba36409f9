namespace Kv.Raft;

/// <summary>How a change comes into force. Numbers are the log's: never reuse one.</summary>
public enum ConfTransition : byte
{
    /// <summary>
    /// One step that takes no voter away: at once. All else through a joint configuration that the leader leaves
    /// itself.
    /// </summary>
    Auto = 0,

    /// <summary>Joint, left by the leader itself.</summary>
    JointImplicit = 1,

    /// <summary>Joint until <see cref="ConfChange.LeaveJoint"/> is proposed.</summary>
    JointExplicit = 2,
}
