using Kv.Base;
using Kv.Placement.Founding;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;

namespace Kv.Placement.Tests;

public class FoundingTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Init_OnUndisturbedStores_FoundsOneCluster_ThatEveryFounderKnows(int stores)
    {
        var world = new FoundingWorld(stores);
        FoundingReply<InitResponse> answer = world.InitUntilAnswered(_ => 0, world.InitRequest());
        Assert.False(answer.Value!.Already);
        Assert.Equal(3u, answer.Value.RegionCount);
        world.Run(100);
        AssertFounded(world, answer.Value.ClusterId);
        Assert.True(world.Stores[0].Disk.AllCommitted);
        ulong[] ids = [.. world.Stores[0].Disk.Plan.Regions.SelectMany(static r => r.Peers.Select(static p => p.Id))];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.True(ids.Max() < world.Stores[0].Disk.Plan.NextId);
    }

    [Fact]
    public void CrashAtEveryStep_OfEveryStore_StillYieldsExactlyOneCluster()
    {
        var clean = new FoundingWorld(3);
        clean.InitUntilAnswered(_ => 0, clean.InitRequest());
        clean.Run(100);
        int cuts = clean.CutPoints;
        Assert.InRange(cuts, 20, 200);
        int runs = 0;
        foreach (int restartAfter in new[] { 1, 60 })
        {
            for (int at = 0; at < cuts; at++)
            {
                for (int victim = 0; victim < 3; victim++)
                {
                    var world = new FoundingWorld(3) { Crash = (at, victim), RestartAfterRounds = restartAfter };
                    FoundingReply<InitResponse> answer =
                        world.InitUntilAnswered(tries => tries % 3, world.InitRequest());
                    Assert.Null(answer.Refusal);
                    world.Run(400);
                    AssertFounded(world, answer.Value!.ClusterId);
                    runs++;
                }
            }
        }

        Assert.Equal(cuts * 6, runs);
    }

    [Fact]
    public void LossDuplicatesAndManyCrashes_StillYieldExactlyOneCluster()
    {
        for (ulong seed = 1; seed <= 150; seed++)
        {
            var chaos = new DeterministicRandom(seed);
            var world = new FoundingWorld(3, seed, chaos) { RestartAfterRounds = chaos.Next(1, 40) };
            try
            {
                FoundingReply<InitResponse> answer = world.InitUntilAnswered(_ => chaos.Next(3), world.InitRequest());
                FoundingReply<InitResponse> again = world.InitUntilAnswered(_ => chaos.Next(3), world.InitRequest());
                Assert.Equal(answer.Value!.ClusterId, again.Value!.ClusterId);
                world.Run(2_000, () => world.Stores.All(static s => s.Disk.Step == FoundingStep.Committed));
                AssertFounded(world, answer.Value.ClusterId);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new InvalidOperationException($"seed {seed}", e);
            }
        }
    }

    [Fact]
    public void InitSentTwice_ToDifferentFounders_InAnotherOrder_AnswersTheSameCluster()
    {
        var world = new FoundingWorld(3);
        InitRequest reversed = world.InitRequest(world.AddressOf(2), world.AddressOf(1), world.AddressOf(0));
        FoundingReply<InitResponse>? first = null;
        FoundingReply<InitResponse>? second = null;
        world.Stores[2].Pump!.Init(world.InitRequest(), reply => first = reply);
        world.Stores[1].Pump!.Init(reversed, reply => second = reply);
        world.Run(100);
        Assert.Equal(first!.Value.Value!.ClusterId, second!.Value.Value!.ClusterId);
        FoundingReply<InitResponse> third = world.InitUntilAnswered(_ => 1, reversed);
        Assert.True(third.Value!.Already);
        Assert.Equal(first.Value.Value.ClusterId, third.Value.ClusterId);
    }

    [Fact]
    public void InitWithADifferentWish_IsRefusedByName()
    {
        var world = new FoundingWorld(3);
        ulong cluster = world.InitUntilAnswered(_ => 0, world.InitRequest()).Value!.ClusterId;
        world.Run(50);
        InitRequest other = world.InitRequest();
        other.InitialSplitKeys.Clear();
        for (int store = 0; store < 3; store++)
        {
            string? refusal = world.InitUntilAnswered(_ => store, other).Refusal;
            Assert.Contains(new ClusterId(cluster).ToString(), refusal, StringComparison.Ordinal);
            Assert.Contains(world.AddressOf(store), refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void FounderOfAnotherCluster_IsNamed_AndNothingIsFounded()
    {
        var world = new FoundingWorld(3);
        ulong first = world.InitUntilAnswered(_ => 2, world.InitRequest(world.AddressOf(2))).Value!.ClusterId;
        string? refusal = world.InitUntilAnswered(_ => 0, world.InitRequest()).Refusal;
        Assert.Equal($"founder {world.AddressOf(2)} belongs to cluster {new ClusterId(first)} as store 1", refusal);
        Assert.Equal(FoundingStep.None, world.Stores[0].Disk.Step);
        Assert.Equal(FoundingStep.None, world.Stores[1].Disk.Step);
    }

    [Fact]
    public void TwoAddressesOfOneStore_AreRefusedByName()
    {
        var world = new FoundingWorld(2);
        world.Aliases["other-name:7401"] = world.AddressOf(1);
        string? refusal = world.InitUntilAnswered(
            _ => 0, world.InitRequest(world.AddressOf(0), world.AddressOf(1), "Other-Name:7401")).Refusal;
        Assert.Equal($"founders {world.AddressOf(1)} and other-name:7401 are the same store", refusal);
        Assert.Equal(FoundingStep.None, world.Stores[1].Disk.Step);
    }

    [Fact]
    public void UnreachableFounder_IsNamed_AndNothingIsDurable()
    {
        var world = new FoundingWorld(2);
        FoundingReply<InitResponse>? answer = null;
        world.Stores[0].Pump!.Init(
            world.InitRequest(world.AddressOf(0), world.AddressOf(1), "10.9.9.9:7401"), reply => answer = reply);
        world.Run(500, () => answer is not null);
        Assert.Equal("founder 10.9.9.9:7401 cannot be reached: connection refused", answer!.Value.Failure);
        Assert.All(world.Stores, static store => Assert.Equal(FoundingStep.None, store.Disk.Step));
        Assert.NotNull(world.InitUntilAnswered(_ => 0, world.InitRequest(world.AddressOf(0))).Value);
    }

    [Fact]
    public void PlanThatOneFounderRefuses_IsGivenUp_AndThePreparedFoundersAreFreeAgain()
    {
        // Store 2 founds a cluster of its own between inspection and plan.
        var world = new FoundingWorld(3);
        FoundingReply<InitResponse>? answer = null;
        world.Stores[0].Pump!.Init(world.InitRequest(), reply => answer = reply);
        world.Run(100, () => world.Stores[0].Disk.Step == FoundingStep.Planned);
        world.Stores[2].Die();
        world.Stores[2].Start();
        world.Stores[2].Pump!.Init(world.InitRequest(world.AddressOf(2)), static _ => { });
        world.Run(300, () => answer is not null);
        Assert.Contains($"store at {world.AddressOf(2)} belongs to cluster", answer!.Value.Refusal,
            StringComparison.Ordinal);
        world.Run(100);
        Assert.Equal(FoundingStep.None, world.Stores[1].Disk.Step);
        Assert.Equal(0, world.Stores[1].Births);
        Assert.Single(world.Stores[0].Disk.AbortedClusterIds);
        InitRequest without = world.InitRequest(world.AddressOf(1));
        Assert.NotNull(world.InitUntilAnswered(_ => 1, without).Value);
    }

    [Fact]
    public void WipedFounder_IsNotCommittedAgain_AndNeverServes()
    {
        var world = new FoundingWorld(3);
        world.InitUntilAnswered(_ => 0, world.InitRequest());
        world.Run(100);
        world.Stores[1].Wipe();
        world.Stores[0].Die();
        world.Run(200);
        Assert.Equal(FoundingStep.None, world.Stores[1].Disk.Step);
        string? refusal =
            world.InitUntilAnswered(_ => 1, world.InitRequest(world.AddressOf(0), world.AddressOf(1), "10.0.0.3:7401"))
            .Value?.ClusterId.ToString();
        Assert.NotNull(refusal);
        Assert.Equal(FoundingStep.None, world.Stores[1].Disk.Step);
    }

    [Fact]
    public void StoreThatJoins_FoundsNothing()
    {
        var world = new FoundingWorld(3);
        world.Stores[2].Joining = true;
        world.Stores[2].Start();
        Assert.Contains("--join", world.InitUntilAnswered(_ => 2, world.InitRequest()).Refusal,
            StringComparison.Ordinal);
        Assert.Contains(
            $"founder {world.AddressOf(2)} was started with --join",
            world.InitUntilAnswered(_ => 0, world.InitRequest()).Refusal,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a:1 b:1", "name one, or an odd number")]
    [InlineData("", "name one, or an odd number")]
    [InlineData("a:1 b:1 c", "c is not host:port")]
    [InlineData("a:1 b:1 c:70000", "c:70000 is not host:port")]
    [InlineData("a:1 b:1 A.:1", "founder address a:1 is named twice")]
    [InlineData("x:1", "is not among the founders (x:1)")]
    public void WrongFounders_AreRefusedByName(string founders, string expected)
    {
        var world = new FoundingWorld(1);
        var request = new InitRequest();
        request.Founders.AddRange(founders.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, world.InitUntilAnswered(_ => 0, request).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongSplitKeys_AreRefusedByName()
    {
        var world = new FoundingWorld(1);
        InitRequest twice = world.InitRequest();
        twice.InitialSplitKeys.Add(twice.InitialSplitKeys[0]);
        Assert.Equal("split key 0x6d is given twice", world.InitUntilAnswered(_ => 0, twice).Refusal);
        InitRequest empty = world.InitRequest();
        empty.InitialSplitKeys.Add(Google.Protobuf.ByteString.Empty);
        Assert.Contains("has 0 bytes", world.InitUntilAnswered(_ => 0, empty).Refusal, StringComparison.Ordinal);
    }

    private static void AssertFounded(FoundingWorld world, ulong clusterId)
    {
        Assert.Equal([clusterId], world.ClusterIdsSeen);
        for (int i = 0; i < world.Stores.Count; i++)
        {
            FoundingRecord disk = world.Stores[i].Disk;
            Assert.Equal(FoundingStep.Committed, disk.Step);
            Assert.Equal(clusterId, disk.Plan.ClusterId);
            Assert.Equal((uint)i, disk.Plan.Recipient);
            Assert.Equal(disk.Plan.Regions.Count, world.Stores[i].Births);
            Assert.Equal(world.Stores.Count, disk.Founders.Count);
        }
    }
}
