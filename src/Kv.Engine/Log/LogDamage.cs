namespace Kv.Engine.Log;

/// <summary>
/// Damage that could be pinned to one group (Damage law): nothing of it may be used until it is destroyed.
/// </summary>
/// <param name="Group">The raft group.</param>
/// <param name="File">The segment file where it was found; empty when records are missing altogether.</param>
/// <param name="Offset">Where in the file.</param>
/// <param name="Reason">What was wrong, in words.</param>
public readonly record struct LogDamage(ulong Group, string File, long Offset, string Reason);
