namespace Kv.Tidy.Tests.Rules;

/// <summary>Files and lines stay small enough to be read whole.</summary>
public static class SizeRule
{
    public const int FileLinesMax = 600;
    public const int TestFileLinesMax = 1_000;
    public const int LineColumnsMax = 120;

    public static IEnumerable<Finding> CheckFile(SourceFile file)
    {
        int max = file.IsTestCode ? TestFileLinesMax : FileLinesMax;
        if (file.Lines.Length > max)
        {
            yield return file.At(max + 1, "file-size", $"{file.Lines.Length} lines, at most {max}: split it by aspect");
        }
    }

    /// <summary>A line that a single long word (an address, a literal) fills may be longer.</summary>
    public static IEnumerable<Finding> CheckLines(SourceFile file)
    {
        for (int i = 0; i < file.Lines.Length; i++)
        {
            string line = file.Lines[i];
            if (line.Length > LineColumnsMax && LongestWord(line) < LineColumnsMax - 20)
            {
                yield return file.At(i + 1, "line-length", $"{line.Length} columns, at most {LineColumnsMax}");
            }
        }
    }

    private static int LongestWord(string line) => line.Split(' ').Max(word => word.Length);
}
