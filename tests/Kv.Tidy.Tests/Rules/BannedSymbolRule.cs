using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// The pure layers stay pure. The compiler enforces BannedSymbols.txt (RS0030); this rule enforces that the lists are
/// there, complete and in force, and finds the worst on its own.
/// </summary>
public static class BannedSymbolRule
{
    private const string Name = "banned-symbols";

    private static readonly string[] Always =
    [
        "T:System.Random", "T:System.Diagnostics.Stopwatch", "T:System.Threading.Timer", "P:System.DateTime.Now",
        "P:System.DateTime.UtcNow", "P:System.DateTimeOffset.Now", "P:System.DateTimeOffset.UtcNow",
        "P:System.Environment.TickCount", "P:System.Environment.TickCount64", "M:System.Guid.NewGuid",
    ];

    private static readonly string[] Pure =
    [
        "T:System.Threading.Tasks.Task", "T:System.Threading.Tasks.Task`1", "T:System.Threading.Tasks.ValueTask",
        "T:System.Threading.Tasks.ValueTask`1", "T:System.Threading.Thread", "T:System.Threading.ThreadPool",
        "T:System.IO.File", "T:System.IO.FileStream", "T:System.IO.Directory", "T:System.Net.Sockets.Socket",
    ];

    private static readonly string[] ForbiddenInPure =
    [
        "Task", "ValueTask", "Thread", "ThreadPool", "Timer", "Random", "Stopwatch", "DateTime", "File", "FileStream",
        "Socket",
    ];

    /// <summary>The projects with a list, and whether it is the strict one.</summary>
    public static readonly (string Project, bool IsPure)[] Projects =
        [("Kv.Base", true), ("Kv.Raft", true), ("Kv.Store", false), ("Kv.Placement", false), ("Kv.Client", false)];

    public static IEnumerable<Finding> CheckList(SourceFile list, bool isPure)
    {
        HashSet<string> symbols = list.Lines.Select(line => line.Split(';')[0]).ToHashSet();
        return Always.Concat(isPure ? Pure : [])
            .Where(symbol => !symbols.Contains(symbol))
            .Select(symbol => list.At(1, Name, $"{symbol} is missing"));
    }

    public static IEnumerable<Finding> CheckProject(SourceFile project)
    {
        const string Wiring = """<AdditionalFiles Include="BannedSymbols.txt" />""";
        if (!project.Text.Contains(Wiring, StringComparison.Ordinal))
        {
            yield return project.At(1, Name, "BannedSymbols.txt is no AdditionalFiles item: nothing enforces it");
        }

        if (project.Text.Contains("RS0030", StringComparison.Ordinal))
        {
            yield return project.At(1, Name, "RS0030 may not be turned off");
        }
    }

    /// <summary>
    /// A suppression opens a hole in the list; only edges outside the loops may need one, never the pure layers.
    /// </summary>
    public static IEnumerable<Finding> CheckSource(SourceFile file)
    {
        if (!file.IsIn("Kv.Base", "Kv.Raft"))
        {
            yield break;
        }

        for (int i = 0; i < file.Lines.Length; i++)
        {
            if (file.Lines[i].Contains("RS0030", StringComparison.Ordinal))
            {
                yield return file.At(i + 1, Name, "the pure layers suppress nothing of their list");
            }
        }

        foreach (SyntaxNode node in file.Root.DescendantNodes())
        {
            if (node is SimpleNameSyntax name
                && ForbiddenInPure.Contains(name.Identifier.Text)
                && StandsForType(name))
            {
                yield return file.At(node, Name, $"{name.Identifier.Text} has no place in a pure layer");
            }
            else if (node is AwaitExpressionSyntax)
            {
                yield return file.At(node, Name, "nothing in a pure layer waits");
            }
        }
    }

    /// <summary>
    /// A property of ours may be called like a forbidden type: judged are types, and what calls start with.
    /// </summary>
    private static bool StandsForType(SimpleNameSyntax name) => name.Parent switch
    {
        MemberAccessExpressionSyntax access =>
            access.Expression == name || access.ToString().StartsWith("System.", StringComparison.Ordinal),
        QualifiedNameSyntax qualified => qualified.Right == name && qualified.Parent is not UsingDirectiveSyntax,
        NameColonSyntax or NameEqualsSyntax or ArgumentSyntax => false,
        AssignmentExpressionSyntax => false,
        _ => name.Parent is TypeSyntax or VariableDeclarationSyntax or ParameterSyntax or MethodDeclarationSyntax
            or PropertyDeclarationSyntax or BaseObjectCreationExpressionSyntax or TypeArgumentListSyntax
            or BaseTypeSyntax or TypeOfExpressionSyntax or CastExpressionSyntax,
    };
}
