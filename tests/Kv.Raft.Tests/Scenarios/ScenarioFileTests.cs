using Kv.Raft.Tests.Scenarios.Harness;

namespace Kv.Raft.Tests.Scenarios;

/// <summary>That a scenario can fail: each way to be wrong is seen, with its place.</summary>
public sealed class ScenarioFileTests
{
    private static readonly string[] Good =
    [
        "# one voter",
        "> group voters=1",
        "  voters 1, all begin after 10/1",
        "> campaign 1",
        "  1 is candidate, term 2",
        "> expect role 1 candidate",
    ];

    [Fact]
    public void Play_WhatIsWritten_GivesTheSameLines() => Assert.Equal(Good, Play(Good));

    [Fact]
    public void Play_AnotherLine_NamesFileLineAndBoth()
    {
        string problem = Fails([.. Good[..4], "  1 is leader, term 2", .. Good[5..]]);
        Assert.StartsWith("t.txt:5: \"> campaign 1\" went otherwise", problem, StringComparison.Ordinal);
        Assert.Contains("expected: 1 is leader, term 2", problem, StringComparison.Ordinal);
        Assert.Contains("happened: 1 is candidate, term 2", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Play_LineMissingOrTooMany_IsSeen()
    {
        Assert.Contains("expected: (nothing more)", Fails([.. Good[..4], .. Good[5..]]), StringComparison.Ordinal);
        Assert.Contains("t.txt:6:", Fails([.. Good[..5], "  and more", .. Good[5..]]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("> expect role 1 leader", "is not so: candidate")]
    [InlineData("> expect commit 1 >= 11", "is not so: it is 10")]
    [InlineData("> expect sent kind=vote", "is not so: none")]
    [InlineData("> expect leader 1", "is not so: none")]
    [InlineData("> expect conf 1 voters=1,2", "is not so: voters 1")]
    [InlineData("> expect luck 1 good", "nothing to expect is called \"luck\"")]
    [InlineData("> campaign 1 2", "nobody asked for \"2\"")]
    [InlineData("> tick 1 how=fast", "nobody asked for \"how\"")]
    [InlineData("> campaign", "needs one more word")]
    [InlineData("> campaign 7", "there is no peer 7")]
    [InlineData("> dance 1", "no command is called \"dance\"")]
    [InlineData("> deliver to=1", "no such message is on the wire")]
    [InlineData("> persist 1", "has 0 under way")]
    public void Play_WrongCommandOrExpectation_IsSeen(string line, string problem)
    {
        string found = Fails([.. Good, line]);
        Assert.StartsWith("t.txt:7: ", found, StringComparison.Ordinal);
        Assert.Contains(problem, found, StringComparison.Ordinal);
    }

    [Fact]
    public void Play_StrayText_IsSeen() =>
        Assert.Contains("t.txt:1: neither command", Fails(["expect role 1 leader", .. Good]), StringComparison.Ordinal);

    [Fact]
    public void Play_CoreBreaksAnInvariant_IsAProblemOfThatLine() => Assert.Contains(
        "t.txt:7: \"sleep 1\" breaks an invariant", Fails([.. Good, "> sleep 1"]), StringComparison.Ordinal);

    /// <summary>A rewrite takes what happens for granted, except what is expected in so many words.</summary>
    [Fact]
    public void Rewrite_TakesTheTranscript_AndStillJudgesExpectations()
    {
        string[] bare = [.. Good.Where(line => !line.StartsWith(' '))];
        Assert.Equal(Good, ScenarioFile.Play("t.txt", bare, new GroupScript(), rewrite: true));
        IReadOnlyList<string>? saved = null;
        var e = Assert.Throws<ScenarioException>(() => ScenarioFile.Play(
            "t.txt", [.. bare, "> expect role 1 leader"], new GroupScript(), rewrite: true, lines => saved = lines));
        Assert.Contains("is not so: candidate", e.Message, StringComparison.Ordinal);
        Assert.Equal([.. Good, "> expect role 1 leader"], saved);
    }

    /// <summary>Votes that nobody gave make two leaders in one term.</summary>
    [Fact]
    public void Oracle_TwoLeadersInATerm_IsSeen()
    {
        string[] lines =
        [
            "> group voters=1-2",
            "> seed-log 1 2 term=3",
            "> message vote-yes from=2 to=1 term=3",
            "> campaign 1",
            "> ready 1",
            "> message vote-yes from=2 to=1 term=4",
            "> campaign 2",
            "> ready 2",
            "> campaign 2",
            "> ready 2",
            "> campaign 2",
            "> ready 2",
            "> message vote-yes from=1 to=2 term=4",
        ];
        var e = Assert.Throws<ScenarioException>(
            () => ScenarioFile.Play("t.txt", lines, new GroupScript(), rewrite: true));
        Assert.Contains("t.txt:13: not safe: two leaders in term 4", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("> committed voters=1-3 acks=5,6,7 is=7", "is 6")]
    [InlineData("> vote voters=1-3 votes=y,y,n is=lost", "is won")]
    [InlineData("> committed voters=1-3 acks=5,6 is=5", "3 voters and 2 answers")]
    public void Quorum_WrongRow_IsSeen(string line, string problem)
    {
        var e = Assert.Throws<ScenarioException>(
            () => ScenarioFile.Play("t.txt", [line], new QuorumScript(), rewrite: true));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<string> Play(string[] lines) =>
        ScenarioFile.Play("t.txt", lines, new GroupScript(), rewrite: false);

    private static string Fails(string[] lines) => Assert.Throws<ScenarioException>(() => Play(lines)).Message;
}
