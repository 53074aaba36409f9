// Owns the text format of /metrics (Prometheus exposition format 0.0.4), from instruments of
// System.Diagnostics.Metrics.
using System.Globalization;
using System.Text;

namespace Kv.Server.Metrics;

/// <summary>Builds the text: families by name, series by labels, both in ordinal order.</summary>
internal sealed class PrometheusText
{
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);

    public void Value(string instrument, string? unit, string? help, bool isCounter, string labels, double value)
    {
        string name = Name(instrument, unit) + (isCounter ? "_total" : "");
        FamilyOf(name, isCounter ? "counter" : "gauge", help).Lines.Add($"{name}{Braces(labels)} {Number(value)}");
    }

    public void Histogram(
        string instrument, string? unit, string? help, string labels, double[] bounds, long[] counts, double sum)
    {
        string name = Name(instrument, unit);
        List<string> lines = FamilyOf(name, "histogram", help).Lines;
        long total = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            total += counts[i];
            string bound = i < bounds.Length ? Number(bounds[i]) : "+Inf";
            string separator = labels.Length == 0 ? "" : ",";
            lines.Add(string.Create(
                CultureInfo.InvariantCulture, $"{name}_bucket{{{labels}{separator}le=\"{bound}\"}} {total}"));
        }

        lines.Add($"{name}_sum{Braces(labels)} {Number(sum)}");
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"{name}_count{Braces(labels)} {total}"));
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach ((string name, Family family) in _families)
        {
            if (family.Help is not null)
            {
                string help = family.Help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n",
                    StringComparison.Ordinal);
                text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');
            }

            text.Append("# TYPE ").Append(name).Append(' ').Append(family.Type).Append('\n');
            if (family.Type != "histogram")
            {
                family.Lines.Sort(StringComparer.Ordinal);
            }

            foreach (string line in family.Lines)
            {
                text.Append(line).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>Labels in one spelling: sorted by name, values escaped.</summary>
    public static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        var sorted = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, object? value) in tags)
        {
            string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            sorted[Clean(key)] = text
                .Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal);
        }

        return string.Join(',', sorted.Select(static pair => $"{pair.Key}=\"{pair.Value}\""));
    }

    private static string Name(string instrument, string? unit)
    {
        string name = Clean(instrument);
        string suffix = unit switch
        {
            "By" => "_bytes",
            "s" => "_seconds",
            "ms" => "_milliseconds",
            _ => "",
        };
        return suffix.Length == 0 || name.EndsWith(suffix, StringComparison.Ordinal) ? name : name + suffix;
    }

    private static string Clean(string name)
    {
        var clean = new StringBuilder(name.Length);
        foreach (char c in name)
        {
            clean.Append(char.IsAsciiLetterOrDigit(c) || c == '_' ? c : '_');
        }

        return clean.Length > 0 && char.IsAsciiDigit(clean[0]) ? "_" + clean : clean.ToString();
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    private static string Braces(string labels) => labels.Length == 0 ? "" : "{" + labels + "}";

    private Family FamilyOf(string name, string type, string? help)
    {
        if (!_families.TryGetValue(name, out Family? family))
        {
            _families[name] = family = new Family(type, help);
        }

        return family;
    }

    private sealed record Family(string Type, string? Help)
    {
        public List<string> Lines { get; } = [];
    }
}
