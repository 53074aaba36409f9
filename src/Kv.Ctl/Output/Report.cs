namespace Kv.Ctl.Output;

/// <summary>
/// What an administrative command prints: facts, then lists of rows. Columns and cells stand in the same order.
/// </summary>
internal sealed class Report
{
    public List<(Column Column, Cell Cell)> Facts { get; } = [];

    public List<ReportList> Lists { get; } = [];

    public Report Fact(string title, string name, Cell cell)
    {
        Facts.Add((new Column(title, name), cell));
        return this;
    }

    public Report List(ReportList list)
    {
        Lists.Add(list);
        return this;
    }
}

/// <summary>Rows of one kind; <paramref name="Name"/> is the array's name in JSON.</summary>
internal sealed record ReportList(string Name, IReadOnlyList<Column> Columns)
{
    public List<IReadOnlyList<Cell>> Rows { get; } = [];
}
