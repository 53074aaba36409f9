namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// A file of the layers that keep data safe opens with a comment: what it owns, and its invariants. Only usings and the
/// namespace may stand before it, so that the docstring of a file's one type serves as well.
/// </summary>
public static class HeaderRule
{
    public const int LinesWithoutHeaderMax = 60;

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        if (file.IsIn("Kv.Raft", "Kv.Store", "Kv.Engine")
            && file.Lines.Length > LinesWithoutHeaderMax
            && !file.Lines.First(IsContent).StartsWith("//", StringComparison.Ordinal))
        {
            yield return file.At(
                1, "header", $"over {LinesWithoutHeaderMax} lines, no opening comment: what it owns, its invariants");
        }
    }

    private static bool IsContent(string line) =>
        line.Trim().Length > 0
        && !line.StartsWith("using ", StringComparison.Ordinal)
        && !line.StartsWith("namespace ", StringComparison.Ordinal);
}
