using System.Collections.Concurrent;
using System.Text;
using Kv.Client;

namespace Kv.Tour;

/// <summary>Writes the reference, reads it back, and compares every byte.</summary>
internal sealed class DataSteps(KvClient client, ApiReference reference, Checks checks)
{
    /// <summary>Operations under way at a time.</summary>
    private const int Concurrency = 256;

    private const int DifferencesShown = 3;

    public async Task ImportAsync(CancellationToken cancellationToken)
    {
        TimeSpan time = await checks.TimeAsync(() => Parallel.ForEachAsync(
            reference.Rows,
            Options(cancellationToken),
            async (row, token) => await client.PutAsync(row.Key, row.Value, token)));
        checks.Check(
            holds: true,
            $"{Checks.Count(reference.Rows.Count)} keys put and acknowledged in {Checks.Seconds(time)}: "
            + $"{Checks.Rate(reference.Rows.Count, time)}, {Checks.MiB(reference.Bytes)}, {Concurrency} at a time");
    }

    /// <summary>Gets every key and compares its value.</summary>
    public async Task VerifyAsync(string when, CancellationToken cancellationToken)
    {
        var differences = new ConcurrentQueue<string>();
        TimeSpan time = await checks.TimeAsync(() => Parallel.ForEachAsync(
            reference.Rows,
            Options(cancellationToken),
            async (row, token) =>
            {
                byte[]? value = await client.GetAsync(row.Key, cancellationToken: token);
                if (value is null || !value.AsSpan().SequenceEqual(row.Value))
                {
                    differences.Enqueue(
                        $"{Encoding.UTF8.GetString(row.Key)} {(value is null ? "is missing" : "has another value")}");
                }
            }));
        Report(
            differences,
            $"every key read back {when} and compared: {Checks.Count(reference.Rows.Count)} in {Checks.Seconds(time)}, "
            + Checks.Rate(reference.Rows.Count, time));
    }

    /// <summary>Scans a prefix, up and down, and compares keys, values and order with the source.</summary>
    public async Task ScanPrefixAsync(string prefix, CancellationToken cancellationToken)
    {
        (byte[] Key, byte[] Value)[] expected = reference.WithPrefix(prefix).ToArray();
        var differences = new ConcurrentQueue<string>();
        TimeSpan time = await checks.TimeAsync(async () =>
        {
            foreach (bool reverse in (bool[])[false, true])
            {
                ScanOptions options = ScanOptions.ForPrefix(prefix) with { Reverse = reverse };
                int count = 0;
                await foreach (KeyValueEntry row in client.ScanAsync(options, cancellationToken))
                {
                    int at = reverse ? expected.Length - 1 - count : count;
                    count++;
                    if (at < 0 || at >= expected.Length || !row.Key.Span.SequenceEqual(expected[at].Key)
                        || !row.Value.Span.SequenceEqual(expected[at].Value))
                    {
                        differences.Enqueue($"row {count} is {row.KeyText}");
                    }
                }

                if (count != expected.Length)
                {
                    differences.Enqueue($"{count} rows, the source has {expected.Length}");
                }
            }
        });
        string what = prefix.Length == 0 ? "the whole key space" : prefix + "…";
        Report(
            differences,
            $"scan of {what} up and down: {Checks.Count(expected.Length)} rows each way, as in the source, "
            + $"in {Checks.Seconds(time)}");
    }

    private static ParallelOptions Options(CancellationToken cancellationToken) =>
        new() { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellationToken };

    private void Report(ConcurrentQueue<string> differences, string text)
    {
        checks.Check(differences.IsEmpty, text);
        foreach (string difference in differences.Take(DifferencesShown))
        {
            checks.Say(difference);
        }

        if (differences.Count > DifferencesShown)
        {
            checks.Say($"and {differences.Count - DifferencesShown} more");
        }
    }
}
