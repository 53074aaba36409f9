using Kv.Protocol.V1;

namespace Kv.Store.Tests.Loops;

/// <summary>Progress law: a store that cannot commit or apply must not keep others from doing so.</summary>
public sealed class ProgressTests
{
    private static readonly int ProgressMs = StoreOptions.Default.ProgressMs;

    [Theory]
    [InlineData("log")]
    [InlineData("apply")]
    public void Leader_ItsLoopHangs_AnotherLeadsAndServesWrites(string loop)
    {
        using var group = new StoreGroup(3);
        ulong leader = group.AwaitLeader();
        group[leader].Held.Add(loop);
        StoreGroup.Answer stuck = group.Put(leader, "k", "stuck");

        group.Pass(ProgressMs + 4_000);

        ulong heir = OtherLeader(group, leader);
        Assert.NotEqual(leader, heir);
        StoreGroup.Answer after = group.Put(heir, "k", "after");
        group.Pass(500);
        Assert.NotEqual(0ul, after.Revision);

        // With a hung log the writer is told; a hung apply loop holds the write itself, and its caller's time runs out.
        Assert.True(
            loop == "apply" ? stuck.IsOpen : stuck.Error is { MaybeApplied: true },
            $"the others may have committed the entry: {stuck.Response}");
    }

    [Fact]
    public void Leader_ItsLogHangsForLessThanTheBound_GoesOnLeading()
    {
        using var group = new StoreGroup(3);
        ulong leader = group.AwaitLeader();
        group[leader].Held.Add("log");
        StoreGroup.Answer slow = group.Put(leader, "k", "slow");
        group.Pass(ProgressMs - 1_500);
        Assert.True(slow.IsOpen);

        group[leader].Held.Clear();
        group.Pass(300);

        Assert.NotEqual(0ul, slow.Revision);
        Assert.True(IsServing(group, leader));
    }

    [Fact]
    public void StalledStore_MovesAgain_FollowsAndCatchesUp()
    {
        using var group = new StoreGroup(3);
        ulong leader = group.AwaitLeader();
        group[leader].Held.Add("log");
        group.Pass(ProgressMs + 4_000);
        ulong heir = OtherLeader(group, leader);
        StoreGroup.Answer write = group.Put(heir, "k", "v");
        group.Pass(500);
        Assert.NotEqual(0ul, write.Revision);

        group[leader].Held.Clear();
        group.Pass(3_000);

        StoreGroup.Answer read = group.Get(leader, "k", ReadMode.ReadIndex);
        group.Pass(1_000);
        Assert.Equal("v", read.Value);
    }

    /// <summary>Whether a store answers a read of its own region, which wakes it if it sleeps.</summary>
    private static bool IsServing(StoreGroup group, ulong id)
    {
        StoreGroup.Answer read = group.Get(id, "k");
        group.Pass(300);
        return read.Response?.Get is not null;
    }

    private static ulong OtherLeader(StoreGroup group, ulong not)
    {
        for (int i = 0; i < 100; i++)
        {
            for (ulong id = 1; id <= 3; id++)
            {
                if (id != not && IsServing(group, id))
                {
                    return id;
                }
            }

            group.Pass(100);
        }

        Assert.Fail("nobody else leads");
        return 0;
    }
}
