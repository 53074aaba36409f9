using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// One public type per product file. Small ones (at most 20 lines of code, comments and blank lines not counted) may
/// stand with the type they serve, or with each other where they are a family: the ids, a message and its kinds, an
/// interface and its parts.
/// </summary>
public static class PublicTypeRule
{
    public const int SmallTypeLinesMax = 20;

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        string[] large = file.Root
            .DescendantNodes(node => node is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax)
            .OfType<BaseTypeDeclarationSyntax>()
            .Where(type => type.Modifiers.Any(SyntaxKind.PublicKeyword) && CodeLines(type) > SmallTypeLinesMax)
            .Select(type => type.Identifier.Text)
            .Distinct()
            .ToArray();
        if (large.Length > 1)
        {
            yield return file.At(
                1,
                "public-types",
                $"{string.Join(", ", large)} are public and over {SmallTypeLinesMax} lines: one file each");
        }
    }

    private static int CodeLines(SyntaxNode type)
    {
        var lines = new HashSet<int>();
        foreach (SyntaxToken token in type.DescendantTokens())
        {
            FileLinePositionSpan span = token.GetLocation().GetLineSpan();
            for (int line = span.StartLinePosition.Line; line <= span.EndLinePosition.Line; line++)
            {
                lines.Add(line);
            }
        }

        return lines.Count;
    }
}
