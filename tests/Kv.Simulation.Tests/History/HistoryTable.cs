using Kv.Testing.History;

namespace Kv.Simulation.Tests.History;

/// <summary>Reads a table of histories: a line that ends with a colon names the one that follows.</summary>
internal static class HistoryTable
{
    public static IReadOnlyList<(string Name, HistoryOperation[] History)> Parse(string table)
    {
        var histories = new List<(string, HistoryOperation[])>();
        string[] lines = table.Split('\n', StringSplitOptions.TrimEntries);
        for (int i = 0; i < lines.Length;)
        {
            string name = lines[i++];
            Assert.EndsWith(":", name);
            int first = i;
            while (i < lines.Length && !lines[i].EndsWith(':'))
            {
                i++;
            }

            histories.Add((name[..^1], HistoryText.Parse(string.Join('\n', lines[first..i]))));
        }

        return histories;
    }
}
