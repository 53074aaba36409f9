using Kv.Simulation.Runner;

namespace Kv.Simulation.Tests;

/// <summary>
/// The slice of drawn worlds that every change must pass; eng/nightly.sh runs as many as there is time for.
/// </summary>
public sealed class SeedSliceTests(ITestOutputHelper output)
{
    private const int SliceSeeds = 300;
    private const int TwiceSeeds = 20;

    [Fact]
    public void Seeds_FixedSlice_AllGreenAndAllFaultsStrike()
    {
        var settings = new RunSettings { Seed = 1, Count = SliceSeeds, Shrink = false };
        using var text = new StringWriter();
        var runner = new SeedRunner(settings, text);

        int exitCode = runner.Run();

        output.WriteLine(text.ToString());
        Assert.True(exitCode == 0, text.ToString());
        Assert.Equal(SliceSeeds, runner.Sum.Runs);
        Assert.Empty(runner.Sum.FaultsThatNeverStruck());
        Assert.True(runner.Sum.MedianCompleted >= 1_000, $"median of {runner.Sum.MedianCompleted} operations");
    }

    [Fact]
    public void Seeds_RunTwice_GiveTheSameTraceHash()
    {
        var settings = new RunSettings { Seed = 7_001, Count = TwiceSeeds, Twice = true, Shrink = false };
        using var text = new StringWriter();

        int exitCode = new SeedRunner(settings, text).Run();

        Assert.True(exitCode == 0, text.ToString());
    }

    /// <summary>One read of a good history is changed to a stale one: both checkers must name it.</summary>
    [Fact]
    public void Canary_AStaleReadIsTold_BothCheckersFindIt()
    {
        SimReport report = new SimCluster(new RunSettings { Canary = true }.OptionsOf(3)).Run();

        Assert.Contains(report.Problems, problem => problem.Contains("not linearizable", StringComparison.Ordinal));
        Assert.Contains(report.Problems, problem => problem.Contains("order of apply", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--seed")]
    [InlineData("--seed", "x")]
    [InlineData("--sed", "1")]
    public void Command_WrongArguments_ExitCodeTwo(params string[] arguments) =>
        Assert.Equal(2, SimCommand.Run(arguments));
}
