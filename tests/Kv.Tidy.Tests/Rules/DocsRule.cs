using System.Text.RegularExpressions;

namespace Kv.Tidy.Tests.Rules;

/// <summary>What the pages point at exists, and a law that code cites is written down.</summary>
public static partial class DocsRule
{
    public static bool IsPage(SourceFile file) => file.Path.EndsWith(".md", StringComparison.Ordinal);

    public static IEnumerable<Finding> CheckLinks(SourceFile page, Func<string, bool> exists)
    {
        string folder = page.Path.Contains('/') ? page.Path[..page.Path.LastIndexOf('/')] : "";
        for (int i = 0; i < page.Lines.Length; i++)
        {
            foreach (Match link in Link().Matches(page.Lines[i]))
            {
                string target = link.Groups[1].Value.Split('#')[0];
                bool isOurs = target.Length > 0 && !target.Contains("://", StringComparison.Ordinal);
                if (isOurs && !exists(Resolve(folder, target)))
                {
                    yield return page.At(i + 1, "docs", $"points at {target}, which is not there");
                }
            }
        }
    }

    /// <summary>`Read law` or `(Cut and Truth laws)` in a comment or a text must be a law of docs/laws.md.</summary>
    public static IEnumerable<Finding> CheckLaws(SourceFile file, IReadOnlySet<string> laws)
    {
        for (int i = 0; i < file.Lines.Length; i++)
        {
            foreach (Match citation in LawCitation().Matches(file.Lines[i]))
            {
                string law = citation.Groups[1].Value;
                if (!laws.Contains(law))
                {
                    yield return file.At(i + 1, "laws", $"there is no {law} law in docs/laws.md");
                }
            }
        }
    }

    /// <summary>The names in bold that open a law: <c>**Read law.**</c>.</summary>
    public static IReadOnlySet<string> LawsOf(string page) =>
        LawTitle().Matches(page).Select(match => match.Groups[1].Value).ToHashSet();

    private static string Resolve(string folder, string target)
    {
        var parts = new List<string>(folder.Split('/', StringSplitOptions.RemoveEmptyEntries));
        foreach (string part in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\b(?!The |This |That |Each |Every |No |Any )(System region|[A-Z][a-z]+) laws?\b")]
    private static partial Regex LawCitation();

    [GeneratedRegex(@"\*\*(System region|[A-Z][a-z]+) law\.\*\*")]
    private static partial Regex LawTitle();
}
