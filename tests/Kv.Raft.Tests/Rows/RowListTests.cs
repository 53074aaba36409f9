namespace Kv.Raft.Tests.Rows;

/// <summary>Every row of the checklist that the core owes has a test that carries its name.</summary>
public sealed class RowListTests
{
    public static TheoryData<string> Rows =>
    [
        "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A11",
        "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12",
        "C1", "C2", "C3", "C4", "C5", "C9", "C10", "C11",
        "D1", "D2", "D3", "D4", "D5", "D6", "D8", "D9",
        "E2", "E8",
    ];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Row_HasATestNamedAfterIt(string row) => Assert.Contains(
        typeof(RowListTests).Assembly.GetTypes().SelectMany(type => type.GetMethods()),
        method => method.Name.StartsWith($"{row}_", StringComparison.Ordinal)
            && method.GetCustomAttributes(inherit: false).OfType<FactAttribute>().Any());
}
