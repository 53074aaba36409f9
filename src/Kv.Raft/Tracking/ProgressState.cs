namespace Kv.Raft;

/// <summary>How a leader sends to one follower.</summary>
public enum ProgressState : byte
{
    /// <summary>The match point is not known: one append at a time, until an answer or a heartbeat's answer.</summary>
    Probe = 0,

    /// <summary>The match point is known: appends are pipelined inside the window.</summary>
    Replicate = 1,

    /// <summary>The log was cut past what the follower needs: nothing until the snapshot is reported or
    /// acknowledged.</summary>
    Snapshot = 2,
}
