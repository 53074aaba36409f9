using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// One word per idea, as docs/style.md lists them: judged are the names that code declares, word by word
/// (<c>_regionNodes</c> is region, nodes), and the names in .proto files.
/// </summary>
public static partial class NameRule
{
    private const string Glossary = "glossary";

    private static readonly string[] BannedTypeEndings = ["Utils", "Util", "Helpers", "Helper", "Manager"];

    private static readonly Dictionary<string, string> BannedWords = new(StringComparer.OrdinalIgnoreCase)
    {
        ["node"] = "Store",
        ["nodes"] = "Stores",
        ["server"] = "Store",
        ["servers"] = "Stores",
        ["host"] = "Store",
        ["hosts"] = "Stores",
        ["shard"] = "Region",
        ["shards"] = "Regions",
        ["sharding"] = "Region",
        ["partition"] = "Region",
        ["partitions"] = "Regions",
        ["replica"] = "Peer",
        ["replicas"] = "Peers",
        ["member"] = "Peer",
        ["members"] = "Peers",
        ["hibernate"] = "Sleep",
        ["hibernated"] = "Sleep",
        ["hibernating"] = "Sleep",
        ["hibernation"] = "Sleep",
        ["quiesce"] = "Sleep",
        ["quiesced"] = "Sleep",
        ["quiescent"] = "Sleep",
    };

    /// <summary>
    /// Where such a word means something else. Path prefix, words, pattern of the whole name, and the reason.
    /// </summary>
    private static readonly (string Path, string[] Words, string Name, string Reason)[] Allowed =
    [
        ("", ["server"], "^Server(Is)?Busy|^server_is_busy", "the name of the answer when a queue is full"),
        ("", ["server", "servers"], "(Rpc|Grpc|Http|Kv|Tls)_?Servers?|^Server(Streaming|Call|Reflection)",
            "the serving side of a connection, or the kvserver program"),
        ("src/Kv.Rpc/", ["server", "servers", "host", "hosts"], "",
            "gRPC has clients and servers; addresses have hosts"),
        ("src/Kv.Protocol/proto/grpc/", ["host"], "", "gRPC's own contracts fix their names"),
        ("src/Kv.Server/", ["server", "host", "hosts"], "", "the program that serves; addresses and the generic host"),
        ("src/Kv.Ctl/", ["server", "host", "hosts"], "", "kvctl starts the kvserver program and parses addresses"),
        ("src/Kv.Client/", ["host", "hosts"], "", "addresses have hosts"),
        ("tests/", ["server", "servers", "host", "hosts"], "",
            "tests start foreign servers, and addresses have hosts"),
        ("samples/", ["server", "servers", "host", "hosts"], "", "samples start the kvserver program"),
        ("bench/", ["server", "servers", "host", "hosts"], "",
            "benchmarks start the kvserver program, and its rivals"),
        ("tests/", ["partition", "partitions"], "", "a cut network, not a region"),
        ("src/Kv.Base/Invariant.cs", ["member"], "^member$", "the C# member that a caller attribute names"),
        ("tests/Kv.Base.Tests/InvariantTests.cs", ["member"], "", "the same"),
        ("tests/Kv.Tidy.Tests/", ["node", "nodes", "member", "members"], "", "nodes and members of a syntax tree"),
        ("src/Kv.Engine/Memory/KeyTree", ["node", "nodes"], "", "nodes of a tree"),
        ("tests/Kv.Engine.Tests/Engines/KeyTree", ["node", "nodes"], "", "nodes of a tree"),
        ("src/Kv.Placement/PeerAddress.cs", ["host"], "^host$", "addresses have hosts"),
        ("tests/Kv.Engine.Tests/Engines/KeyTree", ["node", "nodes"], "", "the same"),
        ("src/Kv.Placement/", ["host", "hosts"], "Label", "a placement label: the machine that stores share"),
    ];

    public static IEnumerable<Finding> Check(SourceFile file) =>
        DeclaredNames(file.Root).SelectMany(token => Judge(file, token.Text, SourceFile.LineOf(token.GetLocation())))
            .Concat(CheckTypeEndings(file));

    public static IEnumerable<Finding> CheckProto(SourceFile file)
    {
        for (int i = 0; i < file.Lines.Length; i++)
        {
            string code = ProtoCommentOrText().Replace(file.Lines[i], "");
            foreach (Match name in Identifier().Matches(code))
            {
                foreach (Finding finding in Judge(file, name.Value, i + 1))
                {
                    yield return finding;
                }
            }
        }
    }

    public static IEnumerable<string> WordsOf(string name) => Word().Matches(name).Select(match => match.Value);

    private static IEnumerable<Finding> Judge(SourceFile file, string name, int line)
    {
        foreach (string word in WordsOf(name).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (BannedWords.TryGetValue(word, out string? better) && !IsAllowed(file.Path, word, name))
            {
                yield return file.At(line, Glossary, $"'{name}' says {word.ToLowerInvariant()}; the word is {better}");
            }
        }
    }

    private static bool IsAllowed(string path, string word, string name) =>
        Allowed.Any(entry =>
            path.StartsWith(entry.Path, StringComparison.Ordinal)
            && entry.Words.Contains(word, StringComparer.OrdinalIgnoreCase)
            && Regex.IsMatch(name, entry.Name, RegexOptions.IgnoreCase));

    private static IEnumerable<Finding> CheckTypeEndings(SourceFile file) =>
        from type in file.Root.DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
        from ending in BannedTypeEndings
        where type.Identifier.Text.EndsWith(ending, StringComparison.Ordinal)
        select file.At(
            type.Identifier, "type-name", $"{type.Identifier.Text}: '{ending}' says nothing; name what it does");

    private static IEnumerable<SyntaxToken> DeclaredNames(SyntaxNode root)
    {
        foreach (SyntaxNode node in root.DescendantNodes())
        {
            SyntaxToken name = node switch
            {
                BaseTypeDeclarationSyntax type => type.Identifier,
                DelegateDeclarationSyntax type => type.Identifier,
                MethodDeclarationSyntax method => method.Identifier,
                LocalFunctionStatementSyntax method => method.Identifier,
                PropertyDeclarationSyntax property => property.Identifier,
                EventDeclarationSyntax item => item.Identifier,
                EnumMemberDeclarationSyntax item => item.Identifier,
                VariableDeclaratorSyntax variable => variable.Identifier,
                SingleVariableDesignationSyntax variable => variable.Identifier,
                ForEachStatementSyntax loop => loop.Identifier,
                ParameterSyntax parameter => parameter.Identifier,
                TypeParameterSyntax parameter => parameter.Identifier,
                TupleElementSyntax element => element.Identifier,
                CatchDeclarationSyntax caught => caught.Identifier,
                _ => default,
            };
            if (name.Text is { Length: > 0 })
            {
                yield return name;
            }
        }
    }

    [GeneratedRegex("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Identifier();

    [GeneratedRegex("""//.*|"[^"]*"|'[^']*'""")]
    private static partial Regex ProtoCommentOrText();
}
