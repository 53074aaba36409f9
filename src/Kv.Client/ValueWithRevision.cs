namespace Kv.Client;

/// <summary>A value as it was read.</summary>
/// <param name="Value">The bytes; the caller's own copy. Empty is a value.</param>
/// <param name="Revision">The revision of the write that made it.</param>
public readonly record struct ValueWithRevision(byte[] Value, ulong Revision);
