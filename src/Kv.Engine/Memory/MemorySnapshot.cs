// Owns a reference to one immutable state; that is all a snapshot is here.
using System.Buffers;

namespace Kv.Engine.Memory;

internal sealed class MemorySnapshot(MemoryState state) : IEngineSnapshot
{
    private MemoryState? _state = state;

    private MemoryState State
    {
        get
        {
            MemoryState? current = _state;
            ObjectDisposedException.ThrowIf(current is null, this);
            return current;
        }
    }

    public byte[]? Get(ColumnFamily family, ReadOnlySpan<byte> key) => MemoryReads.Get(State, family, key);

    public bool TryRead<TState>(
        ColumnFamily family, ReadOnlySpan<byte> key, TState state, ReadOnlySpanAction<byte, TState> read) =>
        MemoryReads.TryRead(State, family, key, state, read);

    public IEngineIterator Iterate(ColumnFamily family, ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end) =>
        new MemoryIterator(State[family], start, end);

    public void Dispose() => _state = null;
}
