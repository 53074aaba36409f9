namespace Kv.Tour;

/// <summary>Chooses where the first regions are cut, from a sample of the keys that will come.</summary>
internal static class RegionCuts
{
    /// <summary>Rows looked at; the quantiles of so many are near enough to those of all.</summary>
    private const int SampleCount = 4096;

    /// <summary>
    /// <paramref name="regionCount"/> − 1 keys that cut <paramref name="rows"/>, which are in the order of keys, into
    /// parts of about the same weight; a row weighs its bytes and as much again as an average row, so that neither the
    /// keys nor the bytes of a region stand out.
    /// </summary>
    public static IReadOnlyList<byte[]> Choose(IReadOnlyList<(byte[] Key, byte[] Value)> rows, int regionCount)
    {
        (byte[] Key, long Bytes)[] sample = Enumerable.Range(0, Math.Min(SampleCount, rows.Count))
            .Select(i => rows[(int)((long)i * rows.Count / Math.Min(SampleCount, rows.Count))])
            .Select(row => (row.Key, (long)row.Key.Length + row.Value.Length))
            .ToArray();
        long average = sample.Sum(row => row.Bytes) / sample.Length;
        long total = sample.Sum(row => row.Bytes + average);
        var cuts = new List<byte[]>();
        long weight = 0;
        foreach ((byte[] key, long bytes) in sample)
        {
            if (weight >= total * (cuts.Count + 1) / regionCount && cuts.Count < regionCount - 1)
            {
                cuts.Add(key);
            }

            weight += bytes + average;
        }

        return cuts;
    }
}
