using System.Text.RegularExpressions;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// Planted bugs: each symbol in the product is listed with what is wrong, so that it is built and must be found, and
/// each that is listed is there. Only the product has any.
/// </summary>
public static partial class PlantRule
{
    public const string ListPath = "eng/plants.txt";

    public static IEnumerable<Finding> Check(SourceFile list, IEnumerable<SourceFile> sources)
    {
        var listed = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < list.Lines.Length; i++)
        {
            string line = list.Lines[i];
            if (line.Length == 0 || line.StartsWith('#'))
            {
                continue;
            }

            string symbol = line.Split('|')[0].Trim();
            if (!Row().IsMatch(line) || !listed.TryAdd(symbol, i + 1))
            {
                yield return list.At(i + 1, "plants", "a line is 'symbol | sim or raft | what is wrong', once each");
            }
        }

        var planted = new HashSet<string>(StringComparer.Ordinal);
        foreach (SourceFile file in sources)
        {
            for (int i = 0; i < file.Lines.Length; i++)
            {
                if (!Condition().IsMatch(file.Lines[i]))
                {
                    continue;
                }

                foreach (Match match in Symbol().Matches(file.Lines[i]))
                {
                    planted.Add(match.Groups[1].Value);
                    if (!file.IsProduct)
                    {
                        yield return file.At(i + 1, "plants", "bugs are planted in src alone");
                    }
                    else if (!listed.ContainsKey(match.Groups[1].Value))
                    {
                        yield return file.At(i + 1, "plants", $"{match.Groups[1].Value} is not in {ListPath}");
                    }
                }
            }
        }

        foreach ((string symbol, int line) in listed)
        {
            if (!planted.Contains(symbol))
            {
                yield return list.At(line, "plants", $"nothing in src is planted as {symbol}");
            }
        }
    }

    [GeneratedRegex(@"^[A-Z][A-Z0-9_]* \| (sim|raft) \| \S.*$")]
    private static partial Regex Row();

    [GeneratedRegex(@"^\s*#\s*(if|elif)\b")]
    private static partial Regex Condition();

    [GeneratedRegex(@"\bPLANT_([A-Z0-9_]+)")]
    private static partial Regex Symbol();
}
