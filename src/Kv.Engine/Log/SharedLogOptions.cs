using Kv.Base;

namespace Kv.Engine.Log;

/// <summary>Sizes and bounds of a <see cref="SharedLog"/>.</summary>
public sealed record SharedLogOptions
{
    public static readonly SharedLogOptions Default = new();

    /// <summary>Length of a segment. A frame that does not fit in one gets a segment of its own length.</summary>
    public int SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>
    /// Payloads of the newest entries kept in memory. The bytes are the caller's, so this bounds what the log keeps
    /// alive.
    /// </summary>
    public long CacheBytesMax { get; init; } = 32L * 1024 * 1024;

    /// <summary>A larger entry is refused with <see cref="LogLimitException"/>, before anything is written.</summary>
    public int EntryBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>A larger batch is refused with <see cref="LogLimitException"/>, before anything is written.</summary>
    public int FrameBytesMax { get; init; } = 256 * 1024 * 1024;

    /// <summary>Recycled segments kept for reuse; more are deleted.</summary>
    public int SparesMax { get; init; } = 2;

    /// <summary>
    /// A group whose oldest entries hold more payload than this is not rewritten by a purge: it pins the log.
    /// </summary>
    public long RewriteBytesMax { get; init; } = 1024 * 1024;

    /// <summary>Identity given to a log that is founded now; 0 draws one at random. Simulations name it.</summary>
    public ulong LogId { get; init; }

    /// <summary>
    /// True when this store has had a log before: then a folder without segments is damage, not a new log.
    /// </summary>
    public bool ExpectExisting { get; init; }

    internal void Check()
    {
        Invariant.Require(SegmentBytes >= 4096);
        Invariant.Require(EntryBytesMax > 0 && EntryBytesMax < FrameBytesMax);
        Invariant.Require(FrameBytesMax <= 1024 * 1024 * 1024);
        Invariant.Require(CacheBytesMax >= 0 && SparesMax >= 0 && RewriteBytesMax >= 0);
    }
}
