namespace Kv.Client.Tests.Model;

/// <summary>How rough a model cluster is.</summary>
internal sealed record ModelOptions
{
    public int StoreCount { get; init; } = 5;

    /// <summary>Chance that a message, in either direction, is lost together with its connection.</summary>
    public double LossChance { get; init; } = 0.01;

    /// <summary>Chance that a write is answered "not the leader any more, maybe applied".</summary>
    public double InDoubtChance { get; init; } = 0.05;

    /// <summary>Mean milliseconds between changes of regions, leaders and stores; 0 = none.</summary>
    public int ChangeEveryMs { get; init; } = 15;

    /// <summary>Whether regions remember outcomes. Off is a planted bug: the checker must see it.</summary>
    public bool RemembersOutcomes { get; init; } = true;
}
