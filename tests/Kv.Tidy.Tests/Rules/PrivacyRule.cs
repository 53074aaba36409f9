using System.Text.RegularExpressions;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// The project speaks of itself alone: no path of somebody's machine, no word about the tools or people that happened
/// to be at work. Put together from parts, so that this file does not break its own rule.
/// </summary>
public static class PrivacyRule
{
    private static readonly Regex Foreign = new(
        string.Join('|',
            "/wo" + "rk/", "/fa" + "rm/", @"\.lib" + "rary", "sub" + "agent", @"\bL" + @"LM\b", "AI ass" + "istant",
            "language " + "model", "COM" + "PASS", "DEVELO" + @"PERS\.md", @"\bthe C" + @"EO\b"),
        RegexOptions.IgnoreCase);

    private static readonly Regex MachinePath = new(
        string.Join(
            '|', @"(?<![\w.])/ho" + @"me/\w", @"(?<![\w.])/ro" + "ot/", @"(?<![\w.])/Us" + @"ers/\w",
            @"[A-Z]:\\Us" + "ers"));

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        if (file.Path.EndsWith(".lock", StringComparison.Ordinal))
        {
            yield break;
        }

        for (int i = 0; i < file.Lines.Length; i++)
        {
            Match match = Foreign.Match(file.Lines[i]);
            if (match.Success)
            {
                yield return file.At(i + 1, "foreign", $"'{match.Value}' does not belong in the project");
            }

            match = MachinePath.Match(file.Lines[i]);
            if (match.Success)
            {
                yield return file.At(i + 1, "machine-path", $"'{match.Value}…' is a path of one machine");
            }
        }
    }
}
