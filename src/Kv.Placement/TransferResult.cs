using Kv.Base;

namespace Kv.Placement;

/// <summary>How an asked-for transfer ended.</summary>
/// <param name="Refusal">Null = done; else one line for people.</param>
/// <param name="LeaderStore">Where the leader is now, as far as known.</param>
/// <param name="Term">Its term.</param>
public readonly record struct TransferResult(string? Refusal, StoreId LeaderStore, ulong Term);
