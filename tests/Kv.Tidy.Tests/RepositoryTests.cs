using Kv.Tidy.Tests.Rules;

namespace Kv.Tidy.Tests;

/// <summary>Every rule on the whole repository. That each rule can fail is shown in <see cref="RuleTests"/>.</summary>
public sealed class RepositoryTests
{
    private static Repository Tree => Repository.Current;

    [Fact]
    public void Projects_ReferenceOnlyWhatTheArchitectureAllows() =>
        AssertNone(Tree.Projects.SelectMany(ReferenceRule.Check));

    [Fact]
    public void Projects_AreAllInTheSolution() =>
        AssertNone(ReferenceRule.CheckSolution(
            File.ReadAllText(Path.Combine(Tree.Root, "KvStore.sln")), Tree.Projects));

    [Fact]
    public void Files_AreSmallEnough() => AssertNone(Tree.CSharp.SelectMany(SizeRule.CheckFile));

    [Fact]
    public void Lines_AreShortEnough() => AssertNone(Tree.CSharp.SelectMany(SizeRule.CheckLines));

    [Fact]
    public void Methods_AreSmallEnough() => AssertNone(Tree.CSharp.SelectMany(MethodSizeRule.Check));

    [Fact]
    public void Code_IsFinished() => AssertNone(Tree.Files.Where(WordRule.IsCode).SelectMany(WordRule.Check));

    [Fact]
    public void Names_KeepToTheGlossary() =>
        AssertNone(Tree.CSharp.SelectMany(NameRule.Check).Concat(Tree.Protos.SelectMany(NameRule.CheckProto)));

    [Fact]
    public void BannedSymbols_AreListedAndInForce()
    {
        foreach ((string project, bool isPure) in BannedSymbolRule.Projects)
        {
            SourceFile list = Find($"src/{project}/BannedSymbols.txt");
            AssertNone(BannedSymbolRule.CheckList(list, isPure));
            AssertNone(BannedSymbolRule.CheckProject(Find($"src/{project}/{project}.csproj")));
        }

        string settings = Find(".editorconfig").Text;
        Assert.Contains("dotnet_diagnostic.RS0030.severity = error", settings, StringComparison.Ordinal);
        AssertNone(Tree.CSharp.SelectMany(BannedSymbolRule.CheckSource));
    }

    [Fact]
    public void ProductFiles_HoldOnePublicType() =>
        AssertNone(Tree.CSharp.Where(file => file.IsProduct).SelectMany(PublicTypeRule.Check));

    [Fact]
    public void SafetyFiles_OpenWithAComment() => AssertNone(Tree.CSharp.SelectMany(HeaderRule.Check));

    [Fact]
    public void Files_NameNoMachineAndNobody() => AssertNone(Tree.Files.SelectMany(PrivacyRule.Check));

    [Fact]
    public void Scripts_StopAtTheFirstFailure() =>
        AssertNone(Tree.Files.Where(ShellRule.IsScript).SelectMany(ShellRule.Check));

    [Fact]
    public void Pages_PointAtWhatExists() =>
        AssertNone(Tree.Files.Where(DocsRule.IsPage).SelectMany(page => DocsRule.CheckLinks(page, Tree.Exists)));

    [Fact]
    public void PlantedBugs_AreListed() => AssertNone(PlantRule.Check(Find(PlantRule.ListPath), Tree.CSharp));

    [Fact]
    public void Laws_ThatCodeCitesAreWrittenDown()
    {
        IReadOnlySet<string> laws = DocsRule.LawsOf(Find("docs/laws.md").Text);
        AssertNone(Tree.Files.Where(file => file.Path != "docs/laws.md" && (file.IsCSharp || DocsRule.IsPage(file)))
            .SelectMany(file => DocsRule.CheckLaws(file, laws)));
    }

    /// <summary>A walk that found next to nothing would pass every rule.</summary>
    [Fact]
    public void Walk_FindsTheRepository()
    {
        Assert.True(Tree.CSharp.Count() > 40, $"only {Tree.CSharp.Count()} C# files under {Tree.Root}");
        Assert.True(Tree.Projects.Count() >= 10, $"only {Tree.Projects.Count()} projects under {Tree.Root}");
    }

    private static SourceFile Find(string path)
    {
        SourceFile? file = Tree.Find(path);
        Assert.True(file is not null, $"{path} is not there");
        return file;
    }

    private static void AssertNone(IEnumerable<Finding> findings)
    {
        Finding[] all = findings.ToArray();
        Assert.True(all.Length == 0, $"{all.Length} findings\n{string.Join('\n', all.Take(100))}");
    }
}
