namespace Kv.Ctl.Data;

/// <summary>One key with its value; the value is empty when only keys were asked for.</summary>
internal readonly record struct KeyValueRow(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);
