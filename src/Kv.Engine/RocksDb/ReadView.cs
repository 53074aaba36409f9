// Owns the reads that the newest state and a snapshot share; they differ in the read options only.
using System.Buffers;

namespace Kv.Engine.RocksDb;

internal static unsafe class ReadView
{
    internal static byte[]? Get(DatabaseHandle database, nint readOptions, ColumnFamily family, ReadOnlySpan<byte> key)
    {
        using DatabaseHandle.Use use = database.Enter();
        nint slice = Pin(use.Pointer, readOptions, database.Family(family), key);
        if (slice == 0)
        {
            return null;
        }

        byte[] value = Value(slice).ToArray();
        Native.PinnedDestroy(slice);
        return value;
    }

    internal static bool TryRead<TState>(
        DatabaseHandle database,
        nint readOptions,
        ColumnFamily family,
        ReadOnlySpan<byte> key,
        TState state,
        ReadOnlySpanAction<byte, TState> read)
    {
        using DatabaseHandle.Use use = database.Enter();
        nint slice = Pin(use.Pointer, readOptions, database.Family(family), key);
        if (slice == 0)
        {
            return false;
        }

        try
        {
            read(Value(slice), state);
        }
        finally
        {
            Native.PinnedDestroy(slice);
        }

        return true;
    }

    internal static CachedRead TryReadCached<TState>(
        DatabaseHandle database,
        nint readOptions,
        ColumnFamily family,
        ReadOnlySpan<byte> key,
        TState state,
        ReadOnlySpanAction<byte, TState> read)
    {
        using DatabaseHandle.Use use = database.Enter();
        byte* error = null;
        nint slice;
        fixed (byte* k = key)
        {
            slice = Native.GetPinned(
                use.Pointer, readOptions, database.Family(family), Native.OrEmpty(k), (nuint)key.Length, &error);
        }

        if (error is not null)
        {
            return RocksDbError.IsIncomplete(error)
                ? CachedRead.NotInMemory
                : throw new EngineException($"engine read failed: {RocksDbError.Take(error)} (get)");
        }

        if (slice == 0)
        {
            return CachedRead.Absent;
        }

        try
        {
            read(Value(slice), state);
        }
        finally
        {
            Native.PinnedDestroy(slice);
        }

        return CachedRead.Found;
    }

    private static nint Pin(nint database, nint readOptions, nint family, ReadOnlySpan<byte> key)
    {
        byte* error = null;
        fixed (byte* k = key)
        {
            nint slice = Native.GetPinned(database, readOptions, family, Native.OrEmpty(k), (nuint)key.Length, &error);
            RocksDbError.Check(error, "read", "get");
            return slice;
        }
    }

    private static ReadOnlySpan<byte> Value(nint slice)
    {
        nuint length;
        byte* value = Native.PinnedValue(slice, &length);
        return new ReadOnlySpan<byte>(value, checked((int)length));
    }
}
