using System.Globalization;
using System.Text;
using Kv.Client;
using Kv.Client.Admin;
using Kv.Protocol.V1;

namespace Kv.Tour;

/// <summary>The regions with keys and bytes, as their leaders count them, and which store leads how many.</summary>
internal sealed class RegionTable(KvAdmin admin, ApiReference reference, Checks checks)
{
    private const int KeyColumns = 44;

    private static readonly TimeSpan BalanceTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan AskInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>Waits until leaders are spread evenly; placement moves one after the other.</summary>
    public async Task CheckLeadersAsync(TimeProvider clock, int storeCount, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        while (true)
        {
            IReadOnlyList<RegionStatus> regions = await admin.RegionsAsync(cancellationToken);
            Dictionary<ulong, int> counts = LeadersPerStore(regions);
            bool isEven = counts.Count == storeCount && !counts.ContainsKey(0)
                && counts.Values.Max() - counts.Values.Min() <= 1;
            TimeSpan time = clock.GetElapsedTime(start);
            if (isEven || time > BalanceTimeout)
            {
                string list = string.Join(", ", counts.OrderBy(pair => pair.Key)
                    .Select(pair => pair.Key == 0 ? $"{pair.Value} without a leader"
                        : $"store {pair.Key} leads {pair.Value}"));
                checks.Check(isEven,
                    $"leaders differ by at most one: {list} of {regions.Count} regions, after {Checks.Seconds(time)}");
                return;
            }

            await Task.Delay(AskInterval, clock, cancellationToken);
        }
    }

    /// <summary>The store that leads most regions.</summary>
    public async Task<ulong> FindBusiestStoreAsync(CancellationToken cancellationToken) =>
        LeadersPerStore(await admin.RegionsAsync(cancellationToken))
            .Where(pair => pair.Key != 0)
            .OrderByDescending(pair => pair.Value)
            .ThenBy(pair => pair.Key)
            .Select(pair => pair.Key)
            .First();

    /// <summary>
    /// Prints the table, and checks that the regions hold the reference and that none holds more than twice the mean.
    /// </summary>
    public async Task PrintAndCheckAsync(int regionCountMin, CancellationToken cancellationToken)
    {
        var regions = new List<RegionStatus>();
        foreach (RegionStatus region in await admin.RegionsAsync(cancellationToken))
        {
            if (!region.System)
            {
                regions.Add((await ShowAsync(region.Region.Id, cancellationToken)).Status);
            }
        }

        checks.Say($"{"region",6}  {"leader",6}  {"keys",8}  {"bytes",11}  from");
        foreach (RegionStatus region in regions)
        {
            checks.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{region.Region.Id,6}  {region.LeaderStoreId,6}  {region.Keys,8:#,0}  {region.Bytes,11:#,0}  ")
                + Shorten(region.Region.StartKey.Span));
        }

        long keys = regions.Sum(region => (long)region.Keys);
        double meanKeys = (double)keys / regions.Count;
        double meanBytes = regions.Average(region => (double)region.Bytes);
        checks.Check(regions.Count >= regionCountMin, $"{regions.Count} regions, at least {regionCountMin}");
        checks.Check(keys == reference.Rows.Count,
            $"together they hold {Checks.Count(keys)} keys, as many as the reference");
        checks.Check(
            regions.All(region => region.Keys <= 2 * meanKeys && region.Bytes <= 2 * meanBytes),
            $"none holds more than twice the mean of {Checks.Count((long)meanKeys)} keys "
            + $"and {Checks.MiB((long)meanBytes)}");
    }

    // A leader that has just changed is asked again.
    private async Task<RegionShowResponse> ShowAsync(ulong regionId, CancellationToken cancellationToken)
    {
        const int Attempts = 20;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await admin.RegionShowAsync(regionId, cancellationToken);
            }
            catch (KvException) when (attempt < Attempts)
            {
                await Task.Delay(AskInterval, cancellationToken);
            }
        }
    }

    private static Dictionary<ulong, int> LeadersPerStore(IReadOnlyList<RegionStatus> regions) =>
        regions.GroupBy(region => region.LeaderStoreId).ToDictionary(group => group.Key, group => group.Count());

    private static string Shorten(ReadOnlySpan<byte> key)
    {
        string text = key.IsEmpty ? "(the first key)" : Encoding.UTF8.GetString(key);
        return text.Length <= KeyColumns ? text : text[..(KeyColumns - 1)] + "…";
    }
}
