using System.Text.RegularExpressions;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// Words that mark unfinished or hidden code. Put together from parts, so that this file does not break its own rule.
/// </summary>
public static partial class WordRule
{
    private static readonly Regex Unfinished = new($@"\b({"TO" + "DO"}|{"FIX" + "ME"}|{"HA" + "CK"}|{"X" + "XX"})\b");

    private static readonly string[] CodeEndings =
        [".cs", ".sh", ".proto", ".py", ".csproj", ".props", ".targets", ".json", ".js", ".css", ".html"];

    public static bool IsCode(SourceFile file) =>
        CodeEndings.Any(ending => file.Path.EndsWith(ending, StringComparison.Ordinal));

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        for (int i = 0; i < file.Lines.Length; i++)
        {
            Match match = Unfinished.Match(file.Lines[i]);
            if (match.Success)
            {
                yield return file.At(i + 1, "unfinished", $"{match.Value}: finish it, or file it outside the code");
            }

            if (file.IsCSharp && RegionDirective().IsMatch(file.Lines[i]))
            {
                yield return file.At(i + 1, "region", "no region directives: split the file instead");
            }
        }
    }

    [GeneratedRegex(@"^\s*#\s*region\b")]
    private static partial Regex RegionDirective();
}
