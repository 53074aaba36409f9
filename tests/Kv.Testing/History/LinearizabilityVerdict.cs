using System.Globalization;

namespace Kv.Testing.History;

public enum VerdictKind
{
    Linearizable,
    NotLinearizable,

    /// <summary>The budget of steps was used up. Counts as a failure wherever a history is judged.</summary>
    Undecided,
}

public sealed record LinearizabilityVerdict
{
    public required VerdictKind Kind { get; init; }

    public bool IsLinearizable => Kind is VerdictKind.Linearizable;

    /// <summary>The key that was found bad or is undecided.</summary>
    public string? Key { get; init; }

    /// <summary>
    /// Of a bad object: the smallest number of returns (of this key's value, or sequence) after which no linearization
    /// exists. One return fewer, with what is open then of unknown outcome, and there is one.
    /// </summary>
    public int BadReturns { get; init; }

    /// <summary>False: looking for a shorter bad prefix used up the budget; the prefix is bad all the same.</summary>
    public bool IsShortest { get; init; } = true;

    /// <summary>The operation whose return ends the shortest bad prefix.</summary>
    public HistoryOperation? Culprit { get; init; }

    /// <summary>
    /// The operations of the bad prefix that have to do with the culprit, in the order of calls: those that overlap it,
    /// the newest before it, and those that put or saw the same value.
    /// </summary>
    public IReadOnlyList<HistoryOperation> Involved { get; init; } = [];

    /// <summary>Candidates tried, over all keys.</summary>
    public long Steps { get; init; }

    public override string ToString() => Kind switch
    {
        VerdictKind.Linearizable => "linearizable",
        VerdictKind.Undecided => string.Create(
            CultureInfo.InvariantCulture, $"undecided: key {Key}, {Steps} steps used up"),
        _ => Describe(),
    };

    private string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        not linearizable: key {Key}, bad from return {BadReturns} on{(IsShortest ? "" : " or earlier")}, which is of
        > {Culprit}
        involved:
        {HistoryText.Print(Involved)}
        """);
}
