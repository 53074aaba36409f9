namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// A script stops at its first failure: `set -euo pipefail` is its first command, behind the comments.
/// </summary>
public static class ShellRule
{
    public static bool IsScript(SourceFile file) =>
        file.Path.EndsWith(".sh", StringComparison.Ordinal) || file.Path.StartsWith(".ci/", StringComparison.Ordinal);

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        if (file.Lines is not ["#!/usr/bin/env bash", ..])
        {
            yield return file.At(1, "shell", "a script opens with '#!/usr/bin/env bash'");
        }

        int first = Array.FindIndex(file.Lines, line => line.Trim().Length > 0 && !line.StartsWith('#'));
        if (first < 0 || file.Lines[first] != "set -euo pipefail")
        {
            yield return file.At(Math.Max(first, 0) + 1, "shell", "a script's first command is 'set -euo pipefail'");
        }
    }
}
