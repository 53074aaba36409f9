using System.Runtime.CompilerServices;
using Kv.Base;
using Kv.Client.Core;
using Kv.Protocol.V1;

namespace Kv.Client;

// Scans and lookups: sequences of pages.
public sealed partial class KvClient
{
    /// <summary>
    /// Scans a range of keys, in order, page by page as the caller goes on; null options = everything. Each key that
    /// exists throughout the scan comes exactly once, also when regions split, merge or move meanwhile. Each page is a
    /// linearizable read; the scan as a whole is no snapshot: of keys written meanwhile it shows some. The time budget
    /// is for each page.
    /// </summary>
    public async IAsyncEnumerable<KeyValueEntry> ScanAsync(
        ScanOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        options ??= new ScanOptions();
        CheckScan(options);
        (ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end) = ScanRange.Of(options);
        long left = options.Limit ?? long.MaxValue;
        bool finished = left == 0 || (!end.IsEmpty && start.Span.SequenceCompareTo(end.Span) >= 0);
        while (!finished)
        {
            var page = new ScanPageOperation
            {
                Start = start,
                End = end,
                Reverse = options.Reverse,
                Limit = PageLimit(left, options.PageRowsMax),
                KeysOnly = options.KeysOnly,
                Mode = options.Mode,
            };
            await RunAsync(page, cancellationToken).ConfigureAwait(false);
            foreach (KeyValue row in page.Rows)
            {
                yield return new KeyValueEntry(row.Key.Memory, row.Value.Memory, row.Revision);
            }

            left -= page.Rows.Count;
            (start, end) = (page.Start, page.End);
            finished = page.Finished || left <= 0;
        }
    }

    /// <summary>
    /// The regions that hold keys of [<paramref name="start"/>, <paramref name="end"/>), in order of keys; empty end =
    /// to the last key. Answered by placement: what it knows now.
    /// </summary>
    public async ValueTask<IReadOnlyList<KvRegionInfo>> RegionsAsync(
        ReadOnlyMemory<byte> start = default,
        ReadOnlyMemory<byte> end = default,
        CancellationToken cancellationToken = default)
    {
        var regions = new List<KvRegionInfo>();
        while (true)
        {
            var lookup = new RoutesOperation { Start = start, End = end };
            await RunAsync(lookup, cancellationToken).ConfigureAwait(false);
            RoutesResponse answer = lookup.Routes!;
            foreach (RegionRoute route in answer.Routes)
            {
                if (route.Region is not null && route.Region.Id != RegionId.System.Value)
                {
                    regions.Add(RouteViews.ToInfo(route));
                }
            }

            ReadOnlyMemory<byte> next = regions.Count > 0 ? regions[^1].EndKey : default;
            bool movesOn = !next.IsEmpty && next.Span.SequenceCompareTo(start.Span) > 0;
            if (!answer.More || answer.Routes.Count == 0 || !movesOn)
            {
                return regions;
            }

            start = next;
        }
    }

    /// <summary>The stores of the cluster, in order of ids. Answered by placement.</summary>
    public async ValueTask<IReadOnlyList<KvStoreInfo>> StoresAsync(CancellationToken cancellationToken = default)
    {
        var lookup = new RoutesOperation { StoresOnly = true };
        await RunAsync(lookup, cancellationToken).ConfigureAwait(false);
        var stores = new List<KvStoreInfo>();
        foreach (StoreInfo store in lookup.Routes!.Stores)
        {
            stores.Add(RouteViews.ToInfo(store));
        }

        stores.Sort((a, b) => a.Id.CompareTo(b.Id));
        return stores;
    }

    private static void CheckScan(ScanOptions options)
    {
        if (options.Limit < 0)
        {
            throw new KvInvalidRequestException("limit", $"limit: {options.Limit} rows, must be 0 or more");
        }

        if (options.PageRowsMax < 0)
        {
            throw new KvInvalidRequestException(
                "pageRowsMax", $"pageRowsMax: {options.PageRowsMax} rows, must be 0 or more");
        }

        bool crossed = !options.End.IsEmpty && options.Start.Span.SequenceCompareTo(options.End.Span) > 0;
        if (crossed)
        {
            throw new KvInvalidRequestException(
                "end",
                $"end: {KeyText.Of(options.End.Span)} lies before start {KeyText.Of(options.Start.Span)}; "
                + "give the smaller key as start");
        }
    }

    private static uint PageLimit(long left, int pageRowsMax)
    {
        long most = pageRowsMax > 0 ? Math.Min(left, pageRowsMax) : left;
        return most >= uint.MaxValue ? 0 : (uint)most;
    }
}
