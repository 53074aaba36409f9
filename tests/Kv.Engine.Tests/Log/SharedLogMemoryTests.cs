using Kv.Engine.Log;
using Kv.Testing.Files;

namespace Kv.Engine.Tests.Log;

/// <summary>What the log costs in memory. Measured over the whole process, so nothing else may run beside it.</summary>
[Collection(nameof(SharedLogMemoryTests))]
[CollectionDefinition(nameof(SharedLogMemoryTests), DisableParallelization = true)]
public sealed class SharedLogMemoryTests
{
    private readonly MemoryFileSystem _files = new();

    [Fact]
    public void Open_TenThousandGroups_AllReturnAndCostLittle()
    {
        const int Count = 10_000;
        SharedLogOptions options = LogTools.Small with { SegmentBytes = 1024 * 1024, FrameBytesMax = 4 * 1024 * 1024 };
        using (SharedLog log = LogTools.Open(_files, options))
        {
            log.Write(LogTools.Batch(batch =>
            {
                for (ulong group = 1; group <= Count; group++)
                {
                    batch.SetHardState(group, new LogHardState(group, 1, 0));
                    batch.Reset(group, 5, 5);
                }
            }));
        }

        GC.Collect();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        using SharedLog again = LogTools.Open(_files, options);
        long perGroup = (GC.GetTotalMemory(forceFullCollection: true) - before) / Count;

        Assert.Equal(Count, again.Groups().Count);
        Assert.Equal(77UL, again.Find(77)!.Value.HardState.Term);
        TestContext.Current.TestOutputHelper?.WriteLine($"{perGroup} bytes per idle group");
        Assert.InRange(perGroup, 1, 500);
    }
}
