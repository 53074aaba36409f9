namespace Kv.Base.Tests;

public sealed class IdsTests
{
    [Fact]
    public void Default_OfEveryId_IsNone()
    {
        Assert.True(default(ClusterId).IsNone);
        Assert.True(default(StoreId).IsNone);
        Assert.True(default(RegionId).IsNone);
        Assert.True(default(PeerId).IsNone);
        Assert.False(new ClusterId(1).IsNone);
        Assert.False(new StoreId(1).IsNone);
        Assert.False(RegionId.System.IsNone);
        Assert.False(new PeerId(ulong.MaxValue).IsNone);
    }

    [Fact]
    public void System_IsRegionOne() => Assert.Equal(new RegionId(1), RegionId.System);

    [Fact]
    public void CompareTo_OrdersAsUnsigned()
    {
        Assert.True(new StoreId(1).CompareTo(new StoreId(ulong.MaxValue)) < 0);
        Assert.True(new RegionId(2).CompareTo(new RegionId(1)) > 0);
        Assert.Equal(0, new PeerId(7).CompareTo(new PeerId(7)));
        Assert.True(new Incarnation(1UL << 63).CompareTo(new Incarnation(1)) > 0);
        Assert.True(new Term(1UL << 63) > new Term(1));
        Assert.True(new LogIndex(1UL << 63) > new LogIndex(1));
    }

    [Fact]
    public void ToString_PrintsTheNumberAlone()
    {
        Assert.Equal("7", new StoreId(7).ToString());
        Assert.Equal("7", new RegionId(7).ToString());
        Assert.Equal("7", new PeerId(7).ToString());
        Assert.Equal("7", new Incarnation(7).ToString());
        Assert.Equal("7", new Term(7).ToString());
        Assert.Equal("18446744073709551615", LogIndex.Max.ToString());
        Assert.Equal("000000000000002a", new ClusterId(42).ToString());
    }

    [Theory]
    [InlineData(1UL, 1UL)]
    [InlineData(1UL, 2UL)]
    [InlineData(3UL, 2UL)]
    [InlineData(0UL, ulong.MaxValue)]
    public void Operators_OfTermAndIndex_AgreeWithTheNumbers(ulong a, ulong b)
    {
        Assert.Equal(a < b, new Term(a) < new Term(b));
        Assert.Equal(a > b, new Term(a) > new Term(b));
        Assert.Equal(a <= b, new Term(a) <= new Term(b));
        Assert.Equal(a >= b, new Term(a) >= new Term(b));
        Assert.Equal(a < b, new LogIndex(a) < new LogIndex(b));
        Assert.Equal(a > b, new LogIndex(a) > new LogIndex(b));
        Assert.Equal(a <= b, new LogIndex(a) <= new LogIndex(b));
        Assert.Equal(a >= b, new LogIndex(a) >= new LogIndex(b));
        Assert.Equal(new LogIndex(Math.Min(a, b)), LogIndex.Min(new LogIndex(a), new LogIndex(b)));
        Assert.Equal(new LogIndex(Math.Max(a, b)), LogIndex.Greater(new LogIndex(a), new LogIndex(b)));
    }

    [Fact]
    public void LogIndex_Arithmetic_MovesAndMeasures()
    {
        var index = new LogIndex(10);
        Assert.Equal(new LogIndex(11), index.Next());
        Assert.Equal(new LogIndex(9), index.Previous());
        Assert.Equal(new LogIndex(15), index + 5);
        Assert.Equal(new LogIndex(5), index - 5);
        Assert.Equal(5UL, new LogIndex(15) - index);
        Assert.Equal(0UL, index - index);
        Assert.Equal(new Term(4), new Term(3).Next());
    }

    [Fact]
    public void Arithmetic_PastEitherEnd_ThrowsInsteadOfWrapping()
    {
        Assert.Throws<OverflowException>(() => LogIndex.Max.Next());
        Assert.Throws<OverflowException>(() => LogIndex.Zero.Previous());
        Assert.Throws<OverflowException>(() => LogIndex.Max + 1);
        Assert.Throws<OverflowException>(() => LogIndex.Zero - 1);
        Assert.Throws<OverflowException>(() => LogIndex.Zero - new LogIndex(1));
        Assert.Throws<OverflowException>(() => new Term(ulong.MaxValue).Next());
    }
}
