namespace Kv.Engine.Log;

/// <summary>What an open found, with a fresh segment ready for the first frame.</summary>
internal sealed class RecoveredLog
{
    public required ulong LogId { get; init; }

    public required GroupTable Table { get; init; }

    /// <summary>Segments in use, oldest first; the last is the one written to.</summary>
    public required List<Segment> Segments { get; init; }

    /// <summary>
    /// Files that hold nothing any more. They go only after the first new frame is durable: until then the fresh
    /// segment's opening block has no proof beside itself that it was ever written, and what it replaced must still be
    /// there.
    /// </summary>
    public required List<Segment> Superseded { get; init; }

    public required uint Chain { get; init; }

    public required ulong FrameNumber { get; init; }

    public required ulong PurgedThrough { get; init; }

    public required List<LogDamage> Damaged { get; init; }
}
