using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Kv.Rpc.Server;

/// <summary>Makes the pools of Kestrel's connections (<see cref="LargeBlockPool"/>).</summary>
internal sealed class LargeBlockPoolFactory : IMemoryPoolFactory<byte>
{
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new LargeBlockPool();
}

/// <summary>
/// Pinned blocks of 16 KiB. Kestrel's own are 4 KiB: a message of batches then takes several receives, each with a
/// system call and a hand-over between threads.
/// </summary>
internal sealed class LargeBlockPool : MemoryPool<byte>
{
    internal const int BlockBytes = 16 * 1024;

    /// <summary>Blocks kept for reuse; what is beyond goes to the collector.</summary>
    private const int KeptMax = 1_024;

    private readonly ConcurrentQueue<Block> _kept = new();
    private int _keptCount;

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        if (!_kept.TryDequeue(out Block? block))
        {
            return new Block(this);
        }

        Interlocked.Decrement(ref _keptCount);
        block.IsRented = true;
        return block;
    }

    protected override void Dispose(bool disposing) => _kept.Clear();

    private void Return(Block block)
    {
        if (Interlocked.Increment(ref _keptCount) <= KeptMax)
        {
            _kept.Enqueue(block);
        }
        else
        {
            Interlocked.Decrement(ref _keptCount);
        }
    }

    private sealed class Block(LargeBlockPool pool) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);

        public bool IsRented { get; set; } = true;

        public Memory<byte> Memory => _bytes;

        public void Dispose()
        {
            if (IsRented)
            {
                IsRented = false;
                pool.Return(this);
            }
        }
    }
}
