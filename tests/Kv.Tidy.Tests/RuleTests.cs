using Kv.Tidy.Tests.Rules;

namespace Kv.Tidy.Tests;

/// <summary>
/// Each rule on a bad sample, which it must find, and on a good one, which it must leave alone: a rule that cannot fail
/// guards nothing.
/// </summary>
public sealed class RuleTests
{
    [Theory]
    [InlineData("src/Kv.Raft/Kv.Raft.csproj", "Kv.Engine")]
    [InlineData("src/Kv.Engine/Kv.Engine.csproj", "Kv.Raft")]
    [InlineData("src/Kv.Engine/Kv.Engine.csproj", "Kv.Protocol")]
    [InlineData("src/Kv.Client/Kv.Client.csproj", "Kv.Raft")]
    [InlineData("src/Kv.Client/Kv.Client.csproj", "Kv.Store")]
    [InlineData("src/Kv.Placement/Kv.Placement.csproj", "Kv.Store")]
    [InlineData("src/Kv.Base/Kv.Base.csproj", "Kv.Base")]
    [InlineData("src/Kv.Store/Kv.Store.csproj", "Kv.Testing")]
    [InlineData("samples/Kv.Tour/Kv.Tour.csproj", "Kv.Protocol")]
    [InlineData("tests/Kv.Tidy.Tests/Kv.Tidy.Tests.csproj", "Kv.Base")]
    public void References_EdgeThatIsNotInTheArchitecture_IsFound(string project, string target)
    {
        Finding finding = Assert.Single(ReferenceRule.Check(Project(project, Reference(target))));
        Assert.Equal(2, finding.Line);
        Assert.Contains(target, finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("src/Kv.Server/Kv.Server.csproj", "Kv.Store")]
    [InlineData("src/Kv.Ctl/Kv.Ctl.csproj", "Kv.Engine")]
    [InlineData("src/Kv.Raft/Kv.Raft.csproj", "Kv.Base")]
    [InlineData("samples/Kv.Tour/Kv.Tour.csproj", "Kv.Client")]
    [InlineData("tests/Kv.Store.Tests/Kv.Store.Tests.csproj", "Kv.Server")]
    public void References_EdgeOfTheArchitecture_IsLeftAlone(string project, string target) =>
        Assert.Empty(ReferenceRule.Check(Project(project, Reference(target))));

    [Fact]
    public void References_UnknownProductProject_IsFound() =>
        Assert.Single(ReferenceRule.Check(Project("src/Kv.Extra/Kv.Extra.csproj", "")));

    [Fact]
    public void References_VersionBesideThePackage_IsFound() =>
        Assert.Single(ReferenceRule.Check(
            Project("src/Kv.Ctl/Kv.Ctl.csproj", """<PackageReference Include="Some" Version="1.0.0" />""")));

    [Fact]
    public void References_PackageInAPureLayer_IsFound() =>
        Assert.Single(ReferenceRule.Check(
            Project("src/Kv.Raft/Kv.Raft.csproj", """<PackageReference Include="Some" />""")));

    [Fact]
    public void References_ProjectOutsideTheSolution_IsFound()
    {
        SourceFile inside = Project("src/Kv.Base/Kv.Base.csproj", "");
        SourceFile outside = Project("src/Kv.Lost/Kv.Lost.csproj", "");
        const string Solution = """Project("{X}") = "Kv.Base", "src\Kv.Base\Kv.Base.csproj", "{Y}" """;
        Assert.Equal([outside.Path], ReferenceRule.CheckSolution(Solution, [inside, outside]).Select(f => f.Path));
    }

    [Theory]
    [InlineData("src/Kv.Raft/A.cs", 600, 0)]
    [InlineData("src/Kv.Raft/A.cs", 601, 1)]
    [InlineData("tests/Kv.Raft.Tests/A.cs", 1_000, 0)]
    [InlineData("tests/Kv.Raft.Tests/A.cs", 1_001, 1)]
    public void FileSize_OverTheLimit_IsFound(string path, int lines, int expected) =>
        Assert.Equal(expected, SizeRule.CheckFile(new SourceFile(path, Repeat(lines, _ => "//\n"))).Count());

    [Fact]
    public void LineLength_OverTheLimit_IsFoundUnlessOneWordFillsIt()
    {
        string ok = string.Concat(Enumerable.Repeat("a ", 60));
        string tooLong = ok + "b";
        string address = "// " + new string('x', 130);
        var file = new SourceFile("src/A.cs", $"{ok}\n{tooLong}\n{address}\n");
        Finding finding = Assert.Single(SizeRule.CheckLines(file));
        Assert.Equal(2, finding.Line);
    }

    [Fact]
    public void MethodSize_OverTheLimit_IsFound()
    {
        Finding finding = Assert.Single(MethodSizeRule.Check(Method(body: Calls(69))));
        Assert.Contains("Long", finding.Message, StringComparison.Ordinal);
        Assert.Equal(3, finding.Line);
        Assert.Empty(MethodSizeRule.Check(Method(body: Calls(67))));
    }

    [Fact]
    public void MethodSize_BracesInTextAndComments_DoNotMatter() =>
        Assert.Empty(MethodSizeRule.Check(Method(body: "Call(\"{{{\"); // {{{\nCall('{');\n" + Calls(60))));

    [Fact]
    public void MethodSize_FlatSwitch_IsNotCounted()
    {
        string statement = "switch (x)\n{\n" + Repeat(60, i => $"case {i}:\nCall({i});\nbreak;\n") + "}\n";
        string expression = "return x switch\n{\n" + Repeat(100, i => $"{i} => Call({i}),\n") + "_ => 0,\n};\n";
        Assert.Empty(MethodSizeRule.Check(Method(statement)));
        Assert.Empty(MethodSizeRule.Check(Method(expression)));
    }

    [Fact]
    public void MethodSize_SwitchWithWorkInItsCases_IsCounted()
    {
        string statement = "switch (x)\n{\n" + Repeat(30, i => $"case {i}:\nCall({i});\nCall({i});\nbreak;\n") + "}\n";
        Assert.Single(MethodSizeRule.Check(Method(statement)));
    }

    [Fact]
    public void MethodSize_CodeBesideAFlatSwitch_IsCounted() =>
        Assert.Single(MethodSizeRule.Check(Method("switch (x)\n{\ncase 1:\nCall(1);\nbreak;\n}\n" + Calls(70))));

    [Theory]
    [InlineData("TO", "DO: later")]
    [InlineData("FIX", "ME")]
    [InlineData("HA", "CK around it")]
    public void Words_UnfinishedWork_IsFound(string first, string rest)
    {
        Finding finding = Assert.Single(WordRule.Check(new SourceFile("src/A.cs", $"class A;\n// {first}{rest}\n")));
        Assert.Equal(2, finding.Line);
        Assert.Single(WordRule.Check(new SourceFile("eng/a.sh", $"# {first}{rest}\n")));
    }

    [Fact]
    public void Words_RegionDirective_IsFoundAndTheWordIsNot()
    {
        Assert.Single(WordRule.Check(new SourceFile("src/A.cs", "  #" + "region Private\n")));
        Assert.Empty(WordRule.Check(new SourceFile("src/A.cs", "// the region is asleep; all to do is wake it\n")));
    }

    [Theory]
    [InlineData("src/Kv.Raft/A.cs", "class A { int _nodeCount; }", "_nodeCount")]
    [InlineData("src/Kv.Store/A.cs", "class A { void M(int serverId) { } }", "serverId")]
    [InlineData("src/Kv.Placement/A.cs", "class A { int TargetHost { get; } }", "TargetHost")]
    [InlineData("src/Kv.Client/A.cs", "class ShardMap { }", "ShardMap")]
    [InlineData("src/Kv.Store/A.cs", "class A { void M() { var partition = 1; } }", "partition")]
    [InlineData("src/Kv.Raft/A.cs", "class A { void M() { foreach (var replica in All) { } } }", "replica")]
    [InlineData("src/Kv.Raft/A.cs", "record A(int MemberCount);", "MemberCount")]
    [InlineData("src/Kv.Store/A.cs", "enum A { Awake, Hibernated }", "Hibernated")]
    [InlineData("src/Kv.Store/A.cs", "class A { bool M(out int x) => F(out int quiescedCount); }", "quiescedCount")]
    [InlineData("tests/Kv.Store.Tests/A.cs", "class A { int _replicas; }", "_replicas")]
    public void Names_WordOutsideTheGlossary_IsFound(string path, string code, string name)
    {
        Finding finding = Assert.Single(NameRule.Check(new SourceFile(path, code)));
        Assert.Contains($"'{name}'", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("src/Kv.Raft/A.cs", "class Membership { void Replicate(int observer, int remember) { } }")]
    [InlineData("src/Kv.Store/A.cs", "class A { void M() => x.Server.Nodes.Partition(replicas: 1); }")]
    [InlineData("src/Kv.Store/A.cs", "class ServerIsBusy { }")]
    [InlineData("src/Kv.Rpc/A.cs", "class RpcServer { string _host; }")]
    [InlineData("tests/Kv.Simulation/A.cs", "class NetworkPartition { }")]
    public void Names_OtherWordsAndOtherMeanings_AreLeftAlone(string path, string code) =>
        Assert.Empty(NameRule.Check(new SourceFile(path, code)));

    [Theory]
    [InlineData("_regionNodes", "region", "Nodes")]
    [InlineData("TCPServerID", "TCP", "Server", "ID")]
    [InlineData("server_is_busy", "server", "is", "busy")]
    [InlineData("Crc32C", "Crc", "C")]
    public void Names_AreReadWordByWord(string name, params string[] words) =>
        Assert.Equal(words, NameRule.WordsOf(name));

    [Fact]
    public void Names_InProto_AreJudgedWithoutCommentsAndTexts()
    {
        const string Proto =
            "message Store {\n  // the server side\n  uint64 node_id = 1;\n  string a = 2 [x = \"host\"];\n}\n";
        Finding finding = Assert.Single(NameRule.CheckProto(new SourceFile("src/Kv.Protocol/proto/a.proto", Proto)));
        Assert.Equal(3, finding.Line);
    }

    [Theory]
    [InlineData("class StringUtils { }")]
    [InlineData("static class TestHelpers { }")]
    [InlineData("interface IRegionManager { }")]
    public void TypeNames_ThatSayNothing_AreFound(string code) =>
        Assert.Equal("type-name", Assert.Single(NameRule.Check(new SourceFile("src/Kv.Store/A.cs", code))).Rule);

    [Fact]
    public void BannedSymbols_MissingLine_IsFound()
    {
        SourceFile real = Repository.Current.Find("src/Kv.Raft/BannedSymbols.txt")!;
        string text = real.Text.Replace("T:System.Random;", "T:Other;", StringComparison.Ordinal);
        Finding finding = Assert.Single(BannedSymbolRule.CheckList(new SourceFile(real.Path, text), isPure: true));
        Assert.Contains("System.Random", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BannedSymbols_ListNotWiredOrTurnedOff_IsFound()
    {
        Assert.Single(BannedSymbolRule.CheckProject(Project("src/Kv.Raft/Kv.Raft.csproj", "")));
        Assert.Single(BannedSymbolRule.CheckProject(Project(
            "src/Kv.Raft/Kv.Raft.csproj",
            """<AdditionalFiles Include="BannedSymbols.txt" /><NoWarn>RS0030</NoWarn>""")));
    }

    [Theory]
    [InlineData("class A { long M() => DateTime.UtcNow.Ticks; }")]
    [InlineData("class A { object M() => new Random(1); }")]
    [InlineData("class A { Task M() => null!; }")]
    [InlineData("class A { void M(List<ValueTask> all) { } }")]
    [InlineData("class A { void M() => System.Threading.Thread.Sleep(1); }")]
    [InlineData("class A { async void M() { await F(); } }")]
    [InlineData("#pragma warning disable RS0030\nclass A { }")]
    public void BannedSymbols_UseInAPureLayer_IsFound(string code)
    {
        Assert.Single(BannedSymbolRule.CheckSource(new SourceFile("src/Kv.Raft/A.cs", code)));
        Assert.Empty(BannedSymbolRule.CheckSource(new SourceFile("src/Kv.Rpc/A.cs", code)));
    }

    [Fact]
    public void BannedSymbols_OwnNamesAlike_AreLeftAlone() =>
        Assert.Empty(BannedSymbolRule.CheckSource(new SourceFile(
            "src/Kv.Raft/A.cs", "class A { DeterministicRandom Random { get; } int M() => _x.Random.Next(); }")));

    [Fact]
    public void PublicTypes_TwoLargeOnes_AreFoundAndSmallFamiliesAreNot()
    {
        string large = Repeat(22, i => $"int P{i};\n");
        string small = Repeat(10, i => $"/// <summary>Says much.</summary>\n\nint P{i};\n");
        Assert.Single(PublicTypeRule.Check(Product($"public class A {{\n{large}}}\npublic struct B {{\n{large}}}\n")));
        Assert.Empty(PublicTypeRule.Check(Product($"public class A {{\n{large}}}\npublic enum B {{\n{small}}}\n")));
        Assert.Empty(PublicTypeRule.Check(Product($"public class A {{\n{large}}}\ninternal class B {{\n{large}}}\n")));
        Assert.Empty(PublicTypeRule.Check(Product($"public class A {{\n{large}\npublic class B {{\n{large}}}\n}}\n")));
    }

    [Fact]
    public void Header_MissingFromALongSafetyFile_IsFound()
    {
        string body = string.Concat(Enumerable.Repeat("class A;\n", 61));
        Assert.Single(HeaderRule.Check(new SourceFile("src/Kv.Engine/A.cs", body)));
        Assert.Empty(HeaderRule.Check(new SourceFile("src/Kv.Engine/A.cs", "// Owns A.\n" + body)));
        string docstring = "using A;\n\nnamespace B;\n\n/// <summary>Owns A.</summary>\n";
        Assert.Empty(HeaderRule.Check(new SourceFile("src/Kv.Engine/A.cs", docstring + body)));
        Assert.Single(HeaderRule.Check(new SourceFile("src/Kv.Engine/A.cs", "class C;\n" + docstring + body)));
        Assert.Empty(HeaderRule.Check(new SourceFile("src/Kv.Rpc/A.cs", body)));
        Assert.Empty(HeaderRule.Check(new SourceFile("src/Kv.Engine/A.cs", "class A;\n")));
    }

    [Theory]
    [InlineData("// see /wo", "rk/notes")]
    [InlineData("/* sub", "agent */")]
    [InlineData("the C", "EO said")]
    [InlineData("cd /ho", "me/somebody/src")]
    [InlineData("NUGET_PACKAGES=/ro", "ot/.nuget")]
    public void Privacy_ForeignWordOrMachinePath_IsFound(string first, string rest) =>
        Assert.Single(PrivacyRule.Check(new SourceFile("docs/a.md", $"fine\n{first}{rest}\n")));

    [Fact]
    public void Privacy_WordsThatOnlyLookAlike_AreLeftAlone()
    {
        const string Text = "framework/work, /var/lib/kvstore, $HOME/.nuget, root/\n";
        Assert.Empty(PrivacyRule.Check(new SourceFile("docs/a.md", Text)));
    }

    [Theory]
    [InlineData("#!/usr/bin/env bash\n# Says why.\nset -euo pipefail\necho\n", 0)]
    [InlineData("#!/usr/bin/env bash\n# Says why.\necho\nset -euo pipefail\n", 1)]
    [InlineData("#!/usr/bin/env bash\nset -e\n", 1)]
    [InlineData("#!/bin/sh\nset -euo pipefail\n", 1)]
    [InlineData("#!/usr/bin/env bash\n", 1)]
    public void Scripts_WithoutTheirSafetyLine_AreFound(string text, int expected) =>
        Assert.Equal(expected, ShellRule.Check(new SourceFile("eng/a.sh", text)).Count());

    [Fact]
    public void Links_ToWhatIsNotThere_AreFound()
    {
        string[] tree = ["docs/laws.md", "README.md", "docs"];
        const string Text =
            "[a](laws.md#read) [b](../README.md) [c](https://example.org/x)\n[d](gone.md) [e](../gone.md) [f](#here)\n";
        Finding[] findings = DocsRule.CheckLinks(new SourceFile("docs/style.md", Text), tree.Contains).ToArray();
        Assert.Equal(2, findings.Length);
        Assert.All(findings, finding => Assert.Equal(2, finding.Line));
    }

    [Fact]
    public void Laws_CitedButNotWritten_AreFound()
    {
        IReadOnlySet<string> laws = DocsRule.LawsOf("**Read law.** Text.\n**System region law.** Text.\n");
        var good = new SourceFile("src/A.cs", "// Read law, System region law; a law of nature. The law wins.\n");
        var bad = new SourceFile("src/A.cs", "\n// (Re" + "ed law)\n");
        Assert.Empty(DocsRule.CheckLaws(good, laws));
        Assert.Equal(2, Assert.Single(DocsRule.CheckLaws(bad, laws)).Line);
    }

    [Fact]
    public void PlantedBugs_NotListedOrNotPlanted_AreFound()
    {
        var list = new SourceFile("eng/plants.txt", "# A comment.\nA1 | sim | a\nB1 | raft | b\n");
        var good = new SourceFile("src/A.cs", "#if PLANT_A1 // row A1\n#elif PLANT_B1\n#endif\n");
        Assert.Empty(PlantRule.Check(list, [good]));

        var fewer = new SourceFile("src/A.cs", "#if PLANT_A1\n#endif\n");
        Assert.Equal((list.Path, 3), PlaceOf(Assert.Single(PlantRule.Check(list, [fewer]))));
        var more = new SourceFile("src/B.cs", "#if DEBUG || PLANT_C1\n#endif\n");
        Assert.Equal((more.Path, 1), PlaceOf(Assert.Single(PlantRule.Check(list, [good, more]))));
        var test = new SourceFile("tests/B.cs", "#if PLANT_A1\n#endif\n");
        Assert.Equal((test.Path, 1), PlaceOf(Assert.Single(PlantRule.Check(list, [good, test]))));
        var crooked = new SourceFile("eng/plants.txt", "A1 | sim | a\nB1 | raft | b\nA1 | sim | again\n");
        Assert.Equal((list.Path, 3), PlaceOf(Assert.Single(PlantRule.Check(crooked, [good]))));
    }

    private static (string Path, int Line) PlaceOf(Finding finding) => (finding.Path, finding.Line);

    private static SourceFile Project(string path, string items) => new(path, $"<Project>\n{items}\n</Project>");

    private static string Reference(string target) => $"""<ProjectReference Include="..\{target}\{target}.csproj" />""";

    private static SourceFile Product(string code) => new("src/Kv.Store/A.cs", code);

    private static SourceFile Method(string body) =>
        new("src/Kv.Store/A.cs", $"class A\n{{\nint Long(int x)\n{{\n{body}}}\n}}\n");

    private static string Calls(int count) => Repeat(count, i => $"Call({i});\n");

    private static string Repeat(int count, Func<int, string> line) =>
        string.Concat(Enumerable.Range(0, count).Select(line));
}
