namespace Kv.Raft.Tests.Scenarios.Harness;

/// <summary>The lines one command gives. While <see cref="IsQuiet"/> nothing is noted.</summary>
internal sealed class Transcript
{
    private readonly List<string> _lines = [];
    private int _depth;

    public bool IsQuiet { get; set; }

    public void Line(string text)
    {
        if (!IsQuiet)
        {
            _lines.Add(new string(' ', 2 * _depth) + text);
        }
    }

    /// <summary>What <paramref name="body"/> notes stands one step further in.</summary>
    public void Indented(Action body)
    {
        _depth++;
        body();
        _depth--;
    }

    public IReadOnlyList<string> TakeLines()
    {
        string[] lines = [.. _lines];
        _lines.Clear();
        _depth = 0;
        return lines;
    }
}
