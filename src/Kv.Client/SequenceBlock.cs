namespace Kv.Client;

/// <summary>Numbers that a sequence has handed out, to this caller and nobody else.</summary>
/// <param name="Start">The first.</param>
/// <param name="End">The first behind them, exclusive.</param>
public readonly record struct SequenceBlock(long Start, long End)
{
    /// <summary>How many they are.</summary>
    public long Count => End - Start;
}
