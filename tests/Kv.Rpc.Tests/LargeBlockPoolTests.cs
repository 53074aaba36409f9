using System.Buffers;
using Kv.Rpc.Server;

namespace Kv.Rpc.Tests;

public sealed class LargeBlockPoolTests
{
    [Fact]
    public void Rent_GivesWholeBlocks_AndReturnedOnesAgain()
    {
        using var pool = new LargeBlockPool();
        IMemoryOwner<byte> first = pool.Rent(100);
        IMemoryOwner<byte> second = pool.Rent();
        Assert.Equal(LargeBlockPool.BlockBytes, first.Memory.Length);
        Assert.NotSame(first, second);
        first.Dispose();
        first.Dispose();
        IMemoryOwner<byte> third = pool.Rent(1);
        IMemoryOwner<byte> fourth = pool.Rent(1);
        Assert.Same(first, third);
        Assert.NotSame(third, fourth);
    }

    [Fact]
    public void Rent_BeyondTheBlock_Throws()
    {
        using var pool = new LargeBlockPool();
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(LargeBlockPool.BlockBytes + 1));
    }
}
