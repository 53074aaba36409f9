namespace Kv.Ctl.Output;

/// <summary>A column of a report.</summary>
/// <param name="Title">Heads the column of a table.</param>
/// <param name="Name">The property's name in JSON.</param>
/// <param name="IsNumber">Aligned to the right.</param>
internal sealed record Column(string Title, string Name, bool IsNumber = false);
