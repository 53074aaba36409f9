using System.Buffers;
using System.Threading.Channels;
using Kv.Base;
using Kv.Ctl.Data;

namespace Kv.Ctl.Transfer;

/// <summary>
/// Exports a range in the order of keys, one line of JSON per key. The range is cut at region starts and the parts are
/// scanned ahead, several at a time; rows come out in order all the same. Not a snapshot: each page is a read of its
/// own.
/// </summary>
internal sealed class ExportRunner
{
    /// <summary>A page of rows is handed on when it has this much.</summary>
    private const int PageBytes = 256 * 1024;

    private const int PageRowsMax = 1024;

    /// <summary>Pages waiting for each part; with the concurrency this bounds memory.</summary>
    private const int PagesPerPartMax = 4;

    private readonly IKvData _data;
    private readonly int _concurrency;
    private readonly TransferCounters _counters;

    public ExportRunner(IKvData data, int concurrency, TransferCounters counters)
    {
        Invariant.Require(concurrency > 0);
        _data = data;
        _concurrency = concurrency;
        _counters = counters;
    }

    /// <summary>
    /// Writes the rows of <paramref name="range"/> (never reversed) and returns how many. Every line written is whole.
    /// </summary>
    public async Task<long> RunAsync(ScanRange range, Stream output, CancellationToken cancellationToken)
    {
        Invariant.Require(!range.Reverse);
        List<ScanRange> parts = Cut(range, await _data.RegionStartsAsync(cancellationToken));
        _counters.SetEnd(parts.Count);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new Queue<(ChannelReader<List<KeyValueRow>> Pages, Task Scan)>();
        long count = 0;
        try
        {
            int next = 0;
            for (int part = 0; part < parts.Count; part++)
            {
                while (next < parts.Count && running.Count < _concurrency)
                {
                    running.Enqueue(Start(parts[next++], stop.Token));
                }

                (ChannelReader<List<KeyValueRow>> pages, Task scan) = running.Peek();
                await foreach (List<KeyValueRow> page in pages.ReadAllAsync(cancellationToken))
                {
                    await WritePageAsync(page, output, cancellationToken);
                    count += page.Count;
                }

                await scan;
                running.Dequeue();
                _counters.MoveTo(part + 1);
            }

            await output.FlushAsync(cancellationToken);
            return count;
        }
        finally
        {
            await stop.CancelAsync();
            foreach ((_, Task scan) in running)
            {
                await scan.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>The range in parts, one per region start inside it.</summary>
    internal static List<ScanRange> Cut(ScanRange range, IReadOnlyList<byte[]> regionStarts)
    {
        var parts = new List<ScanRange>();
        if (range.IsEmpty)
        {
            return parts;
        }

        byte[] start = range.Start;
        foreach (byte[] cut in regionStarts)
        {
            bool isInside = KeyOrder.Instance.Compare(cut, start) > 0
                && (range.End is null || KeyOrder.Instance.Compare(cut, range.End) < 0);
            if (isInside)
            {
                parts.Add(range with { Start = start, End = cut });
                start = cut;
            }
        }

        parts.Add(range with { Start = start });
        return parts;
    }

    private (ChannelReader<List<KeyValueRow>> Pages, Task Scan) Start(
        ScanRange part, CancellationToken cancellationToken)
    {
        var pages = Channel.CreateBounded<List<KeyValueRow>>(PagesPerPartMax);
        return (pages.Reader, Task.Run(() => ScanAsync(part, pages.Writer, cancellationToken), CancellationToken.None));
    }

    private async Task ScanAsync(
        ScanRange part, ChannelWriter<List<KeyValueRow>> pages, CancellationToken cancellationToken)
    {
        try
        {
            var page = new List<KeyValueRow>();
            int bytes = 0;
            await foreach (KeyValueRow row in _data.ScanAsync(part, cancellationToken))
            {
                page.Add(row);
                bytes += row.Key.Length + row.Value.Length;
                if (bytes >= PageBytes || page.Count >= PageRowsMax)
                {
                    await pages.WriteAsync(page, cancellationToken);
                    page = [];
                    bytes = 0;
                }
            }

            if (page.Count > 0)
            {
                await pages.WriteAsync(page, cancellationToken);
            }
        }
        finally
        {
            // Without the error: the writer of the file awaits the scan behind its pages, and gets it there.
            pages.Complete();
        }
    }

    private async ValueTask WritePageAsync(List<KeyValueRow> page, Stream output, CancellationToken cancellationToken)
    {
        var lines = new ArrayBufferWriter<byte>(PageBytes);
        foreach (KeyValueRow row in page)
        {
            RowJson.Write(lines, row.Key.Span, row.Value.Span);
        }

        await output.WriteAsync(lines.WrittenMemory, cancellationToken);
        foreach (KeyValueRow row in page)
        {
            _counters.AddRow(row.Key.Length + row.Value.Length);
        }
    }
}
