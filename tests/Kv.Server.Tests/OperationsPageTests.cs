using System.Diagnostics.Metrics;
using Kv.Server.Hosting;
using Kv.Server.Metrics;
using Kv.Server.Options;

namespace Kv.Server.Tests;

/// <summary>docs/operations.md names what the program knows: no setting or metric more, none less.</summary>
public class OperationsPageTests
{
    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Root(), "docs", "operations.md"));

    [Fact]
    public void SettingsTable_NamesEveryKeyOnce()
    {
        string[] known = [.. SettingTable.All.Select(static setting => setting.Key).Order(StringComparer.Ordinal)];
        string[] written = [.. Rows("## Settings")
            .Select(static cells => cells[0].Trim('`'))
            .Order(StringComparer.Ordinal)];

        Assert.Equal(known, written);
    }

    [Fact]
    public void SettingsTable_DefaultsThatCanBeRead_AreTheBuiltInOnes()
    {
        var builtIn = new ServerOptions();
        int read = 0;
        foreach (string[] cells in Rows("## Settings"))
        {
            Setting setting = SettingTable.All.Single(known => known.Key == cells[0].Trim('`'));
            string text = cells[1].Replace(" ", "", StringComparison.Ordinal);
            if (setting.IsList || text.StartsWith('`'))
            {
                continue;
            }

            Assert.True(builtIn == setting.Apply(builtIn, [text]), $"{setting.Key}: {text} is not the default");
            read++;
        }

        Assert.True(read > 35, $"only {read} defaults were compared");
    }

    [Fact]
    public void MetricsTable_NamesEveryInstrumentOfTheServer()
    {
        var text = new PrometheusText();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name == "Kv.Server")
            {
                text.Value(instrument.Name, instrument.Unit, null, instrument is ObservableCounter<long>, "", 0);
            }
        };
        listener.Start();
        using var metrics = new ServerMetrics(static () => null, new Readiness());
        string page = string.Join('\n', Lines);
        string[] names = [.. text.ToString().Split('\n')
            .Where(static line => line.StartsWith("kv_", StringComparison.Ordinal))
            .Select(static line => line.Split(' ')[0])];

        Assert.True(names.Length >= 15, $"only {names.Length} metrics were found");
        Assert.All(names, name => Assert.Contains($"`{name}`", page, StringComparison.Ordinal));
    }

    /// <summary>The cells of the first table behind a heading, without its two head lines.</summary>
    private static IEnumerable<string[]> Rows(string heading) => Lines
        .SkipWhile(line => line != heading)
        .SkipWhile(static line => !line.StartsWith('|'))
        .TakeWhile(static line => line.StartsWith('|'))
        .Skip(2)
        .Select(static line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries));

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KvStore.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("no KvStore.sln above the tests");
    }
}
