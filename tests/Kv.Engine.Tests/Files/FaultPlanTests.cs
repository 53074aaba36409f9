using Kv.Engine.Files;

namespace Kv.Engine.Tests.Files;

public class FaultPlanTests
{
    [Fact]
    public void Cross_AfterAndTimes_FailTheNamedCrossingsOnly()
    {
        FaultPlan plan = FaultPlan.Parse(
            "site=log.segment.sync,error=EIO,after=2,times=2; site=file.read,error=ENOSPC");

        IEnumerable<string> found = Enumerable.Range(0, 6).Select(_ => plan.Cross("log.segment.sync") ?? "ok");

        Assert.Equal("ok ok EIO EIO ok ok", string.Join(' ', found));
        Assert.Equal("ENOSPC", plan.Cross("file.read"));
        Assert.Equal("ENOSPC", plan.Cross("file.read"));
        Assert.Null(plan.Cross("file.open"));
        Assert.Equal(6, plan.Crossings()["log.segment.sync"]);
    }

    [Fact]
    public void Cross_StarMatchesEverySite()
    {
        FaultPlan plan = FaultPlan.Parse("site=*,error=EIO,after=1");

        Assert.Null(plan.Cross("file.open"));
        Assert.Equal("EIO", plan.Cross("log.header.sync"));
        plan.Disarm();
        Assert.Null(plan.Cross("log.header.sync"));
    }

    [Theory]
    [InlineData("site=nowhere,error=EIO", "site must be")]
    [InlineData("error=EIO", "site must be")]
    [InlineData("site=file.read", "error is missing")]
    [InlineData("site=file.read,error=EIO,after=-1", "after must be a whole number")]
    [InlineData("site=file.read,error=EIO,often=3", "\"often\" is none of")]
    public void Parse_Wrong_NamesWhat(string text, string expected)
    {
        FormatException refused = Assert.Throws<FormatException>(() => FaultPlan.Parse(text));

        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Empty_ArmsNothing() => Assert.Null(FaultPlan.Parse("").Cross("file.read"));

    [Fact]
    public void SyncSites_AllNames_AreDistinct() => Assert.Equal(SyncSites.All.Count, SyncSites.All.Distinct().Count());
}
