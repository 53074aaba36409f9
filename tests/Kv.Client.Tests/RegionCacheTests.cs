using Kv.Base;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client.Tests;

public sealed class RegionCacheTests
{
    [Theory]
    [InlineData("", 11ul)]
    [InlineData("f", 11ul)]
    [InlineData("g", 12ul)]
    [InlineData("l\u007f", 12ul)]
    [InlineData("m", 13ul)]
    [InlineData("zzz", 13ul)]
    public void Find_ByKey_TakesTheRegionThatStartsAtOrBelow(string key, ulong expected)
    {
        RegionCache cache = Three();

        Assert.Equal(expected, cache.Find(Messages.Bytes(key))?.Id);
    }

    [Theory]
    [InlineData("", 13ul)]
    [InlineData("z", 13ul)]
    [InlineData("m", 12ul)]
    [InlineData("m\0", 13ul)]
    [InlineData("g", 11ul)]
    [InlineData("a", 11ul)]
    public void FindBelow_ByExclusiveEnd_TakesTheRegionOfTheKeysJustBelow(string end, ulong expected)
    {
        RegionCache cache = Three();

        Assert.Equal(expected, cache.FindBelow(Messages.Bytes(end))?.Id);
    }

    [Fact]
    public void Find_InAGap_KnowsNothing()
    {
        var cache = new RegionCache();
        cache.Learn(Messages.Route(11, "", "g", leader: 1));
        cache.Learn(Messages.Route(13, "m", "t", leader: 1));

        Assert.Null(cache.Find("h"u8));
        Assert.Null(cache.Find("t"u8));
        Assert.Null(cache.FindBelow("m"u8));
        Assert.Null(cache.FindBelow(""u8));
        Assert.Equal(13ul, cache.FindBelow("t"u8)?.Id);
    }

    [Fact]
    public void Learn_OlderVersion_IsIgnored()
    {
        RegionCache cache = Three();
        cache.Learn(Messages.Route(12, "g", "j", leader: 1, version: 2));
        cache.Learn(Messages.Route(14, "j", "m", leader: 1, version: 2));

        cache.Learn(Messages.Route(12, "g", "m", leader: 1, version: 1, term: 9));

        Assert.Equal(2ul, cache.Find("h"u8)?.Version);
        Assert.Equal(14ul, cache.Find("k"u8)?.Id);
    }

    [Fact]
    public void Learn_MergedRegion_ReplacesAllItCovers()
    {
        RegionCache cache = Three();

        cache.Learn(Messages.Route(12, "", "", leader: 1, version: 5));

        Assert.Equal(1, cache.Count);
        Assert.Equal(12ul, cache.Find("zz"u8)?.Id);
    }

    [Fact]
    public void Learn_TheSystemRegion_NeverEnters()
    {
        RegionCache cache = Three();

        cache.Learn(Messages.Route(RegionId.System.Value, "", "", leader: 1, version: 99));

        Assert.Equal(3, cache.Count);
        Assert.Equal(1ul, cache.Find("a"u8)?.Version);
    }

    [Fact]
    public void Learn_SameEpoch_RenewsTheLeaderUnlessItsTermIsOlder()
    {
        RegionCache cache = Three();
        cache.Learn(Messages.Route(12, "g", "m", leader: 2, term: 4));
        Assert.Equal(2ul, cache.Find("h"u8)?.LeaderStoreId);

        cache.Learn(Messages.Route(12, "g", "m", leader: 3, term: 3));

        Assert.Equal(2ul, cache.Find("h"u8)?.LeaderStoreId);
    }

    [Fact]
    public void Learn_RandomHistoryInAnyOrder_EndsWithTheNewestOfEachKey()
    {
        const int Seed = 20_418;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {Seed}");
        for (int round = 0; round < 200; round++)
        {
            var random = new DeterministicRandom(Seed + (ulong)round);
            var map = new List<RegionRoute> { Messages.Route(10, "", "", leader: 1) };
            var history = new List<RegionRoute>(map);
            ulong nextId = 11;
            for (int step = 0; step < 40; step++)
            {
                RandomChange(map, history, random, ref nextId);
            }

            var cache = new RegionCache();
            for (int i = 0; i < 300; i++)
            {
                cache.Learn(history[random.Next(history.Count)]);
            }

            foreach (RegionRoute route in map)
            {
                cache.Learn(route);
            }

            Assert.Equal(map.Count, cache.Count);
            foreach (RegionRoute route in map)
            {
                Assert.Equal(route.Region.Id, cache.Find(route.Region.StartKey.Span)?.Id);
                Assert.Equal(route.Region.Epoch.Version, cache.FindBelow(route.Region.EndKey.Span)?.Version);
            }
        }
    }

    [Theory]
    [InlineData("b", "ba")]
    [InlineData("a\u007f", "b")]
    public void GreatestKeyBelow_LiesBelowTheEndAndAboveEveryShorterKey(string below, string end)
    {
        byte[] key = ScanPageOperation.GreatestKeyBelow(Messages.Bytes(end));

        Assert.True(key.AsSpan().SequenceCompareTo(Messages.Bytes(end)) < 0);
        Assert.True(key.AsSpan().SequenceCompareTo(Messages.Bytes(below)) > 0);
    }

    [Fact]
    public void GreatestKeyBelow_AnEndWithAZeroByte_IsTheKeyWithoutIt() =>
        Assert.Equal("ab"u8.ToArray(), ScanPageOperation.GreatestKeyBelow("ab\0"u8));

    private static RegionCache Three()
    {
        var cache = new RegionCache();
        cache.Learn(Messages.Route(13, "m", "", leader: 1));
        cache.Learn(Messages.Route(11, "", "g", leader: 1));
        cache.Learn(Messages.Route(12, "g", "m", leader: 1));
        return cache;
    }

    private static void RandomChange(
        List<RegionRoute> map, List<RegionRoute> history, DeterministicRandom random, ref ulong nextId)
    {
        int at = random.Next(map.Count);
        Region region = map[at].Region;
        if (map.Count > 1 && at + 1 < map.Count && random.Chance(0.4))
        {
            Region right = map[at + 1].Region;
            ulong version = Math.Max(region.Epoch.Version, right.Epoch.Version) + 1;
            RegionRoute merged = Messages.Route(
                region.Id, region.StartKey.ToStringUtf8(), right.EndKey.ToStringUtf8(), leader: 1, version);
            map[at] = merged;
            map.RemoveAt(at + 1);
            history.Add(merged);
            return;
        }

        string key = $"{(char)('b' + random.Next(24))}{(char)('a' + random.Next(26))}";
        if (string.CompareOrdinal(key, region.StartKey.ToStringUtf8()) <= 0
            || (!region.EndKey.IsEmpty && string.CompareOrdinal(key, region.EndKey.ToStringUtf8()) >= 0))
        {
            return;
        }

        ulong next = region.Epoch.Version + 1;
        RegionRoute left = Messages.Route(region.Id, region.StartKey.ToStringUtf8(), key, leader: 1, next);
        RegionRoute child = Messages.Route(nextId++, key, region.EndKey.ToStringUtf8(), leader: 1, next);
        map[at] = left;
        map.Insert(at + 1, child);
        history.Add(left);
        history.Add(child);
    }
}
