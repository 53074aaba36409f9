using Kv.Base;

namespace Kv.Raft;

/// <summary>
/// A write handed out and not yet reported durable. <c>Last</c> is the highest index it still vouches for: whatever
/// overwrites entries lowers it, so that a completion can never make stable what came after it (row B6).
/// </summary>
internal record struct PendingWrite(ulong Number, LogIndex Last, bool HasSnapshot, HardState HardState);
