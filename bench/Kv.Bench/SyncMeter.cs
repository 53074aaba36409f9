using System.Globalization;

namespace Kv.Bench;

/// <summary>Counts log syncs of the measured servers from their metrics pages; NaN when a server shows none.</summary>
internal sealed class SyncMeter(IReadOnlyList<string> metricsUrls, string metric)
{
    private static readonly HttpClient Http = new();

    public async Task<double> CountAsync()
    {
        if (metricsUrls.Count == 0)
        {
            return double.NaN;
        }

        double total = 0;
        foreach (string url in metricsUrls)
        {
            double? found = null;
            foreach (string line in (await Http.GetStringAsync(new Uri(url))).Split('\n'))
            {
                if (line.StartsWith(metric, StringComparison.Ordinal))
                {
                    found = (found ?? 0)
                        + double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture);
                }
            }

            total += found ?? double.NaN;
        }

        return total;
    }
}
