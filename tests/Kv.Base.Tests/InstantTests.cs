namespace Kv.Base.Tests;

public sealed class InstantTests
{
    [Theory]
    [InlineData(1_000_000_000, 123_456_789, 123_456_789)]
    [InlineData(10_000_000, 5, 500)]
    [InlineData(3, 2, 666_666_666)]
    [InlineData(1_000, long.MaxValue / 1_000_000, long.MaxValue / 1_000_000 * 1_000_000)]
    public void Now_ScalesTheClocksTimestamps(long frequency, long timestamp, long nanoseconds) =>
        Assert.Equal(new Instant(nanoseconds), Instant.Now(new FixedClock(frequency, timestamp)));

    [Fact]
    public void Now_OfTheSystemClock_DoesNotGoBack()
    {
        Instant last = Instant.Now(TimeProvider.System);
        for (int i = 0; i < 10_000; i++)
        {
            Instant now = Instant.Now(TimeProvider.System);
            Assert.True(now >= last);
            last = now;
        }
    }

    [Fact]
    public void Arithmetic_MovesByMillisecondsAndNanoseconds()
    {
        Assert.Equal(new Instant(5_000_000), Instant.FromMs(5));
        Assert.Equal(Instant.FromMs(8), Instant.FromMs(5).PlusMs(3));
        Assert.Equal(Instant.FromMs(2), Instant.FromMs(5).PlusMs(-3));
        Assert.Equal(new Instant(5_000_001), Instant.FromMs(5).PlusNs(1));
        Assert.Equal(3, Instant.FromMs(8).MsSince(Instant.FromMs(5)));
        Assert.Equal(-3, Instant.FromMs(5).MsSince(Instant.FromMs(8)));
        Assert.Equal(0, new Instant(999_999).MsSince(Instant.Zero));
    }

    /// <summary>
    /// A lease end that wrapped around would lie in the past or hold for ever; both must be loud instead.
    /// </summary>
    [Fact]
    public void Arithmetic_PastTheEnd_ThrowsInsteadOfWrapping()
    {
        Assert.Throws<OverflowException>(() => Instant.Never.PlusNs(1));
        Assert.Throws<OverflowException>(() => Instant.Never.PlusMs(1));
        Assert.Throws<OverflowException>(() => Instant.FromMs(long.MaxValue));
    }

    [Fact]
    public void Order_IsThatOfTheNanoseconds()
    {
        Instant early = Instant.FromMs(1);
        Instant late = Instant.FromMs(2);
        Assert.True(early < late && late > early && early <= late && late >= early);
        Assert.False(late < early || early > late || late <= early || early >= late);
        Assert.True(early.CompareTo(late) < 0);
        Assert.Equal(late, Instant.Later(early, late));
        Assert.Equal(late, Instant.Later(late, early));
        Assert.True(Instant.Never > late && Instant.Zero < early);
    }

    private sealed class FixedClock(long frequency, long timestamp) : TimeProvider
    {
        public override long TimestampFrequency => frequency;

        public override long GetTimestamp() => timestamp;
    }
}
