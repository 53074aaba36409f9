using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kv.Tidy.Tests;

/// <summary>
/// A text file of the repository, by its path from the root with forward slashes. Parsed when first asked.
/// </summary>
public sealed class SourceFile(string path, string text)
{
    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Preview);

    private CompilationUnitSyntax? _root;

    public string Path { get; } = path;

    public string Text { get; } = text;

    public string[] Lines { get; } = SplitLines(text);

    public bool IsCSharp => Path.EndsWith(".cs", StringComparison.Ordinal);

    public bool IsProduct => Path.StartsWith("src/", StringComparison.Ordinal);

    /// <summary>Test and bench code has a larger file limit and a freer hand with names.</summary>
    public bool IsTestCode =>
        Path.StartsWith("tests/", StringComparison.Ordinal) || Path.StartsWith("bench/", StringComparison.Ordinal);

    public CompilationUnitSyntax Root =>
        _root ??= CSharpSyntaxTree.ParseText(Text, ParseOptions, Path).GetCompilationUnitRoot();

    public bool IsIn(params IEnumerable<string> projects) =>
        projects.Any(project => Path.StartsWith($"src/{project}/", StringComparison.Ordinal));

    public Finding At(int line, string rule, string message) => new(Path, line, rule, message);

    public Finding At(SyntaxNode place, string rule, string message) => At(LineOf(place.GetLocation()), rule, message);

    public Finding At(SyntaxToken place, string rule, string message) => At(LineOf(place.GetLocation()), rule, message);

    public static int LineOf(Location location) => location.GetLineSpan().StartLinePosition.Line + 1;

    private static string[] SplitLines(string text)
    {
        string[] lines = text.Split('\n');
        return lines is [.., ""] ? lines[..^1] : lines;
    }
}
