namespace Kv.Tidy.Tests.Rules;

/// <summary>A file of the layers that keep data safe opens with a comment: what it owns, and its invariants.</summary>
public static class HeaderRule
{
    public const int LinesWithoutHeaderMax = 60;

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        if (file.IsIn("Kv.Raft", "Kv.Store", "Kv.Engine")
            && file.Lines.Length > LinesWithoutHeaderMax
            && !file.Lines[0].StartsWith("//", StringComparison.Ordinal))
        {
            yield return file.At(
                1, "header", $"over {LinesWithoutHeaderMax} lines, no opening comment: what it owns, its invariants");
        }
    }
}
