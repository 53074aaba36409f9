namespace Kv.Base.Tests;

public sealed class InvariantTests
{
    [Fact]
    public void Require_True_PassesWithoutBuildingItsText()
    {
        int built = 0;
        Invariant.Require(true);
        Invariant.Require(built == 0, $"value {built++}");
        Assert.Equal(0, built);
    }

    [Fact]
    public void Require_False_NamesConditionMemberFileAndLine()
    {
        int applied = 5;
        int committed = 3;
        InvariantViolationException exception = Assert.Throws<InvariantViolationException>(
            () => Invariant.Require(applied <= committed));
        Assert.StartsWith("invariant broken: applied <= committed in ", exception.Message, StringComparison.Ordinal);
        Assert.Contains($" in {nameof(Require_False_NamesConditionMemberFileAndLine)} at ", exception.Message,
            StringComparison.Ordinal);
        Assert.Matches(@" at InvariantTests\.cs:\d+$", exception.Message);
    }

    [Fact]
    public void Require_FalseWithDetail_SaysTheValues()
    {
        int applied = 5;
        InvariantViolationException exception = Assert.Throws<InvariantViolationException>(
            () => Invariant.Require(applied < 3, $"applied {applied} of region {7:x4}"));
        Assert.StartsWith("invariant broken: applied 5 of region 0007 in ", exception.Message,
            StringComparison.Ordinal);
        Assert.Matches(@" at InvariantTests\.cs:\d+$", exception.Message);
    }

    [Fact]
    public void Unreachable_NamesTheValueAndThePlace()
    {
        InvariantViolationException exception = Invariant.Unreachable(DayOfWeek.Friday);
        Assert.StartsWith("invariant broken: unexpected value Friday in ", exception.Message, StringComparison.Ordinal);
        Assert.Contains("InvariantTests.cs:", exception.Message, StringComparison.Ordinal);
        Assert.Contains("unexpected value  in", Invariant.Unreachable(null).Message, StringComparison.Ordinal);
    }
}
