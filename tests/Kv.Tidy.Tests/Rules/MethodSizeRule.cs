using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// Methods of at most 70 lines, from their name to their end. A flat switch, whose every case is one call, is not
/// counted: it is a table, and cutting it in two would only hide that.
/// </summary>
public static class MethodSizeRule
{
    public const int MethodLinesMax = 70;

    private const int FlatArmLinesMax = 3;

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        foreach (SyntaxNode member in file.Root.DescendantNodes())
        {
            if (!HasBody(member))
            {
                continue;
            }

            int lines = LineCount(member) - FlatSwitchLines(member);
            if (lines > MethodLinesMax)
            {
                yield return file.At(
                    member, "method-size", $"{NameOf(member)} has {lines} lines, at most {MethodLinesMax}");
            }
        }
    }

    private static int FlatSwitchLines(SyntaxNode member) =>
        member.DescendantNodes()
            .Where(IsSwitch)
            .Where(node => !node.Ancestors().TakeWhile(above => above != member).Any(IsSwitch))
            .Where(IsFlat)
            .Sum(LineCount);

    private static bool HasBody(SyntaxNode node) =>
        node is BaseMethodDeclarationSyntax or LocalFunctionStatementSyntax or AccessorDeclarationSyntax;

    private static bool IsSwitch(SyntaxNode node) => node is SwitchStatementSyntax or SwitchExpressionSyntax;

    private static bool IsFlat(SyntaxNode node) => node switch
    {
        SwitchStatementSyntax statement => statement.Sections.All(IsFlat),
        SwitchExpressionSyntax expression => expression.Arms.All(arm => LineCount(arm) <= FlatArmLinesMax),
        _ => false,
    };

    private static bool IsFlat(SwitchSectionSyntax section)
    {
        StatementSyntax[] statements = section.Statements
            .SelectMany(statement => statement is BlockSyntax block ? block.Statements.AsEnumerable() : [statement])
            .Where(statement => statement is not (BreakStatementSyntax or ReturnStatementSyntax { Expression: null }))
            .ToArray();
        return statements.Length == 0
            || (statements.Length == 1
                && statements[0] is ExpressionStatementSyntax or ReturnStatementSyntax or ThrowStatementSyntax
                && LineCount(statements[0]) <= FlatArmLinesMax);
    }

    private static int LineCount(SyntaxNode node)
    {
        FileLinePositionSpan span = node.GetLocation().GetLineSpan();
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }

    private static string NameOf(SyntaxNode member) => member switch
    {
        MethodDeclarationSyntax method => method.Identifier.Text,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.Text,
        LocalFunctionStatementSyntax local => local.Identifier.Text,
        AccessorDeclarationSyntax accessor => accessor.Keyword.Text,
        _ => member.Kind().ToString(),
    };

    private static Microsoft.CodeAnalysis.CSharp.SyntaxKind Kind(this SyntaxNode node) =>
        Microsoft.CodeAnalysis.CSharp.CSharpExtensions.Kind(node);
}
