using Kv.Raft.Tests.Scenarios.Harness;

namespace Kv.Raft.Tests.Scenarios;

/// <summary>
/// Plays every scenario file and compares what happens with its golden transcript. KV_SCENARIO_REWRITE=1 writes the
/// transcripts anew into the source tree; what the files expect in so many words is judged then, too.
/// </summary>
public sealed class ScenarioTests
{
    private static readonly string Folder = FindFolder();

    public static TheoryData<string> Files()
    {
        var names = new TheoryData<string>();
        foreach (string name in NamesOfFiles())
        {
            names.Add(name);
        }

        return names;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Scenario_GoesAsWritten(string name)
    {
        bool rewrite = Environment.GetEnvironmentVariable("KV_SCENARIO_REWRITE") == "1";
        string path = Path.Combine(Folder, name);
        string[] lines = File.ReadAllLines(path);
        ScenarioFile.Play(
            $"Scenarios/{name}", lines, NewScript(name), rewrite, played => Save(path, lines, played, rewrite));
        ScenarioFile.Play($"Scenarios/{name}", File.ReadAllLines(path), NewScript(name), rewrite: false);
    }

    /// <summary>The page of tests names every scenario, with a link to its file.</summary>
    [Fact]
    public void Page_ListsEveryScenario()
    {
        string page = File.ReadAllText(Path.Combine(Folder, "../../../docs/testing.md"));
        Assert.All(NamesOfFiles(), name => Assert.Contains($"Scenarios/{name})", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Folders_HoldAllScenarios()
    {
        Assert.Equal(28, Count("Interaction"));
        Assert.Equal(9, Count("Membership"));
        Assert.Equal(4, Count("Quorum"));
        Assert.True(Count("Laws") >= 12);
    }

    private static int Count(string folder) =>
        NamesOfFiles().Count(name => name.StartsWith(folder + "/", StringComparison.Ordinal));

    private static IEnumerable<string> NamesOfFiles() =>
        Directory.EnumerateFiles(Folder, "*.txt", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal);

    private static IScript NewScript(string name) => name.Split('/')[0] switch
    {
        "Interaction" or "Laws" => new GroupScript(),
        "Membership" => new MembershipScript(),
        "Quorum" => new QuorumScript(),
        { } other => throw new ScenarioException($"no script plays files of {other}"),
    };

    private static void Save(string path, string[] before, IReadOnlyList<string> played, bool rewrite)
    {
        if (rewrite && !before.SequenceEqual(played))
        {
            File.WriteAllLines(path, played);
        }
    }

    private static string FindFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KvStore.sln")))
            {
                return Path.Combine(folder.FullName, "tests/Kv.Raft.Tests/Scenarios");
            }
        }

        throw new InvalidOperationException($"no folder above {AppContext.BaseDirectory} holds KvStore.sln");
    }
}
