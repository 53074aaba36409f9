// Owns the point reads that the newest state and a snapshot share.
using System.Buffers;

namespace Kv.Engine.Memory;

internal static class MemoryReads
{
    /// <summary>A copy: the caller may change what it gets.</summary>
    internal static byte[]? Get(MemoryState state, ColumnFamily family, ReadOnlySpan<byte> key) =>
        state[family].Find(key)?.AsSpan().ToArray();

    internal static bool TryRead<TState>(
        MemoryState state,
        ColumnFamily family,
        ReadOnlySpan<byte> key,
        TState readState,
        ReadOnlySpanAction<byte, TState> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        byte[]? value = state[family].Find(key);
        if (value is null)
        {
            return false;
        }

        read(value, readState);
        return true;
    }
}
