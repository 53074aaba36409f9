using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kv.Client;

namespace Kv.Tour;

/// <summary>Conditions, sequences, multi-gets and a range delete, each checked.</summary>
internal sealed class GuardedSteps(KvClient client, ApiReference reference, Checks checks)
{
    /// <summary>Sorts behind every key of the reference, and goes at the end.</summary>
    private const string Prefix = "tour/";

    private const int Callers = 8;

    private const int Rounds = 25;

    private const int MultiGetKeys = 1000;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await CountAsync(cancellationToken);
        await NumberAsync(cancellationToken);
        await MultiGetAsync(cancellationToken);
        await DeleteRangeAsync(cancellationToken);
    }

    /// <summary>Many callers raise one counter, each time on the condition that nobody else did meanwhile.</summary>
    private async Task CountAsync(CancellationToken cancellationToken)
    {
        byte[] key = Encoding.UTF8.GetBytes(Prefix + "counter");
        int conflicts = 0;
        await client.PutIfAbsentAsync(key, "0"u8.ToArray(), cancellationToken);
        TimeSpan time = await checks.TimeAsync(() => Parallel.ForAsync(
            0,
            Callers,
            new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = cancellationToken },
            async (_, token) =>
            {
                for (int done = 0; done < Rounds;)
                {
                    ValueWithRevision held = (await client.GetWithRevisionAsync(key, null, token))!.Value;
                    long next = Number(held.Value) + 1;
                    ConditionalReceipt receipt = await client.CompareAndPutAsync(
                        key,
                        KvExpectation.Revision(held.Revision),
                        Encoding.UTF8.GetBytes(next.ToString(CultureInfo.InvariantCulture)),
                        token);
                    done += receipt.Applied ? 1 : 0;
                    Interlocked.Add(ref conflicts, receipt.Applied ? 0 : 1);
                }
            }));
        byte[]? end = await client.GetAsync(key, null, cancellationToken);
        checks.Check(
            end is not null && Number(end) == Callers * Rounds,
            $"{Callers} callers raised one counter {Rounds} times each by compare-and-put: "
            + $"{Encoding.UTF8.GetString(end ?? [])}, in {Checks.Seconds(time)}, {Checks.Count(conflicts)} conflicts");
    }

    private async Task NumberAsync(CancellationToken cancellationToken)
    {
        var blocks = new ConcurrentBag<SequenceBlock>();
        await Parallel.ForAsync(
            0,
            Callers * Rounds,
            new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = cancellationToken },
            async (i, token) => blocks.Add(await client.NextSequenceAsync(Prefix + "numbers", 1 + (i % 3), token)));
        long next = 0;
        bool isGapless = true;
        foreach (SequenceBlock block in blocks.OrderBy(block => block.Start))
        {
            isGapless &= block.Start == next;
            next = block.End;
        }

        checks.Check(
            isGapless && await client.GetSequenceAsync(Prefix + "numbers", cancellationToken) == next,
            $"{blocks.Count} blocks of a sequence hold every number below {Checks.Count(next)} once");
        await client.ResetSequenceAsync(Prefix + "numbers", cancellationToken: cancellationToken);
    }

    private async Task MultiGetAsync(CancellationToken cancellationToken)
    {
        int step = reference.Rows.Count / MultiGetKeys;
        (byte[] Key, byte[] Value)[] rows =
            Enumerable.Range(0, MultiGetKeys).Select(i => reference.Rows[i * step]).Select(row => (row.Key, row.Value))
                .ToArray();
        IReadOnlyList<ValueWithRevision?> values = [];
        TimeSpan time = await checks.TimeAsync(async () => values = await client.MultiGetAsync(
            Array.ConvertAll(rows, row => new ReadOnlyMemory<byte>(row.Key)), null, cancellationToken));
        bool areSame = values.Count == rows.Length;
        for (int i = 0; areSame && i < rows.Length; i++)
        {
            areSame = values[i] is { } value && value.Value.AsSpan().SequenceEqual(rows[i].Value);
        }

        checks.Check(
            areSame,
            $"one multi-get of {Checks.Count(rows.Length)} keys over all regions, in {Checks.Seconds(time)}, as in the "
            + "source");
    }

    private async Task DeleteRangeAsync(CancellationToken cancellationToken)
    {
        for (int i = 0; i < 10; i++)
        {
            await client.PutAsync($"{Prefix}range/{i}", "x", cancellationToken);
        }

        DeleteRangeResult deleted = await client.DeleteRangeAsync(Prefix, "tour0", cancellationToken);
        checks.Check(
            deleted.Finished && !await client.ExistsAsync(Prefix + "range/9", null, cancellationToken)
                && !await client.ExistsAsync(Prefix + "counter", null, cancellationToken),
            $"delete of the range {Prefix}… in {deleted.RegionCount} region(s): nothing of it is left");
    }

    private static long Number(ReadOnlySpan<byte> text) => long.Parse(text, CultureInfo.InvariantCulture);
}
