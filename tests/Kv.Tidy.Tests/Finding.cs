namespace Kv.Tidy.Tests;

/// <summary>One breach of one rule, printed so that an editor can jump to it.</summary>
public readonly record struct Finding(string Path, int Line, string Rule, string Message)
{
    public override string ToString() => $"{Path}:{Line}: {Rule}: {Message}";
}
