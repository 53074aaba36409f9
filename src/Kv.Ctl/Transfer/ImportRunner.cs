using System.Globalization;
using System.Threading.Channels;
using Kv.Base;
using Kv.Client;
using Kv.Ctl.Data;

namespace Kv.Ctl.Transfer;

/// <summary>
/// Imports lines of JSON: many puts at a time, lines of one key in their order, a checkpoint that never claims more
/// than was acknowledged. Bad lines are counted and passed over; a put that fails for any other reason stops the
/// import.
/// One run each.
/// </summary>
internal sealed class ImportRunner : IDisposable
{
    /// <summary>
    /// Lines waiting for each of the concurrent puts; bounds what a stop or a crash leaves to do again.
    /// </summary>
    private const int LinesPerWorkerMax = 8;

    /// <summary>
    /// Lines between the oldest that is not acknowledged and the newest read: bounds memory when one key is slow.
    /// </summary>
    private const int WindowLinesMax = 64 * 1024;

    /// <summary>A checkpoint may be kept behind every so many lines.</summary>
    private const int LinesPerMark = 256;

    /// <summary>
    /// A put whose outcome is not known is put again, as a new write: the line's key shall have the line's value either
    /// way.
    /// </summary>
    private const int AttemptsMax = 5;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xef, 0xbb, 0xbf];

    private readonly IKvData _data;
    private readonly ImportOptions _options;
    private readonly TransferCounters _counters;
    private readonly TextWriter _messages;
    private readonly TimeProvider _clock;
    private readonly ImportWindow _window = new(WindowLinesMax);
    private readonly Lock _lock = new();
    private Exception? _failure;
    private long _failedLine;
    private long _badCount;
    private long _unreadableCount;
    private long _importedCount;
    private long _importedBefore;
    private long _nextSave;

    public ImportRunner(
        IKvData data, ImportOptions options, TransferCounters counters, TextWriter messages, TimeProvider clock)
    {
        Invariant.Require(options.Concurrency > 0);
        _data = data;
        _options = options;
        _counters = counters;
        _messages = messages;
        _clock = clock;
    }

    public async Task<ImportSummary> RunAsync(Stream input, CancellationToken cancellationToken)
    {
        using var reader = new LineReader(input, RowJson.LineBytesMax);
        long resumedLine = await SkipDoneAsync(reader, cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<ImportLine>[] queues = Enumerable.Range(0, _options.Concurrency)
            .Select(_ => Channel.CreateBounded<ImportLine>(LinesPerWorkerMax)).ToArray();
        Task[] workers = queues.Select(queue => PutAllAsync(queue.Reader, stop)).ToArray();
        try
        {
            await ReadAllAsync(reader, queues, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // By the caller or after a failure; either is told below.
        }
        finally
        {
            foreach (Channel<ImportLine> queue in queues)
            {
                queue.Writer.Complete();
            }

            await Task.WhenAll(workers);
            SaveCheckpoint();
        }

        if (_failure is not null)
        {
            throw Stopped(_failure);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            throw new CtlException(
                ExitCode.Interrupted, $"the import was stopped after {_importedCount} acknowledged lines; {HowToGoOn}");
        }

        return new ImportSummary(_importedCount, resumedLine, _badCount);
    }

    public void Dispose() => _window.Dispose();

    private async ValueTask<long> SkipDoneAsync(LineReader reader, CancellationToken cancellationToken)
    {
        if (_options.CheckpointPath is not { } path || ImportCheckpoint.Load(path) is not { } checkpoint)
        {
            return 0;
        }

        while (reader.Offset < checkpoint.Offset && await reader.ReadAsync(cancellationToken) is not null)
        {
            _counters.MoveTo(reader.Offset);
        }

        if (reader.Offset != checkpoint.Offset || reader.LineNumber != checkpoint.Line
            || Convert.ToHexStringLower(reader.HashSoFar()) != checkpoint.Sha256)
        {
            throw CtlException.Failure(
                $"{_options.InputName} is not the input that checkpoint {path} was kept for: its first "
                    + $"{checkpoint.Offset} bytes differ; "
                + "name that input, or remove the checkpoint to import from the start");
        }

        _badCount = checkpoint.BadCount;
        _unreadableCount = checkpoint.BadCount;
        _importedBefore = checkpoint.ImportedCount;
        return checkpoint.Line;
    }

    private async Task ReadAllAsync(
        LineReader reader, Channel<ImportLine>[] queues, CancellationToken cancellationToken)
    {
        long linesSinceMark = 0;
        while (await reader.ReadAsync(cancellationToken) is { } line)
        {
            await TakeLineAsync(line, reader.LineNumber, queues, cancellationToken);
            _counters.MoveTo(reader.Offset);
            if (++linesSinceMark >= LinesPerMark)
            {
                linesSinceMark = 0;
                Mark(reader);
                if (_clock.GetTimestamp() >= _nextSave)
                {
                    SaveCheckpoint();
                }
            }
        }

        Mark(reader);
    }

    private async ValueTask TakeLineAsync(
        InputLine line, long number, Channel<ImportLine>[] queues, CancellationToken cancellationToken)
    {
        if (line.IsTooLong)
        {
            CountUnreadable(number, $"it is longer than {RowJson.LineBytesMax} bytes");
            return;
        }

        bool isMarked = number == 1 && line.Bytes.Span.StartsWith(ByteOrderMark);
        ReadOnlyMemory<byte> bytes = isMarked ? line.Bytes[ByteOrderMark.Length..] : line.Bytes;
        if (bytes.Span.IndexOfAnyExcept(" \t"u8) < 0)
        {
            return;
        }

        if (!RowJson.TryParse(bytes.Span, out KeyValueRow row, out string? error))
        {
            CountUnreadable(number, error);
            return;
        }

        await _window.BeginAsync(number, cancellationToken);

        // Lines of one key wait in one queue, so that the last of them wins.
        uint queue = Crc32C.Compute(row.Key.Span) % (uint)queues.Length;
        await queues[queue].Writer.WriteAsync(new ImportLine(number, row), cancellationToken);
    }

    private async Task PutAllAsync(ChannelReader<ImportLine> lines, CancellationTokenSource stop)
    {
        await foreach (ImportLine line in lines.ReadAllAsync(CancellationToken.None))
        {
            if (stop.IsCancellationRequested)
            {
                continue;
            }

            try
            {
                await PutAsync(line.Row, stop.Token);
                _counters.AddRow(line.Row.Key.Length + line.Row.Value.Length);
                Interlocked.Increment(ref _importedCount);
                _window.End(line.Number, isImported: true);
            }
            catch (KvInvalidRequestException cause)
            {
                CountBad(line.Number, cause.Message);
                _window.End(line.Number, isImported: false);
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                // Cancelled, or a second failure. Not acknowledged: the line stays open, and no checkpoint passes it.
            }
            catch (Exception cause)
            {
                lock (_lock)
                {
                    _failure ??= cause;
                    _failedLine = _failedLine == 0 ? line.Number : _failedLine;
                }

                await stop.CancelAsync();
            }
        }
    }

    private async ValueTask PutAsync(KeyValueRow row, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await _data.PutAsync(row.Key, row.Value, cancellationToken);
                return;
            }
            catch (KvUndeterminedException) when (attempt < AttemptsMax && !cancellationToken.IsCancellationRequested)
            {
            }
        }
    }

    // Counted by the reader, in order: what a mark says about lines that never began.
    private void CountUnreadable(long number, string reason)
    {
        _unreadableCount++;
        CountBad(number, reason);
    }

    private void CountBad(long number, string reason)
    {
        lock (_lock)
        {
            _badCount++;
            if (_badCount <= _options.BadLinesShown)
            {
                _messages.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture, $"{_options.InputName}:{number}: {CtlFailures.OneLine(reason)}"));
            }
            else if (_badCount == _options.BadLinesShown + 1)
            {
                _messages.WriteLine($"{_options.InputName}: further bad lines are counted only");
            }
        }
    }

    private void Mark(LineReader reader)
    {
        if (_options.CheckpointPath is not null)
        {
            _window.Mark(new ImportCheckpoint(
                reader.LineNumber, reader.Offset, Convert.ToHexStringLower(reader.HashSoFar()), _importedBefore,
                _unreadableCount));
        }
    }

    private void SaveCheckpoint()
    {
        _nextSave = _clock.GetTimestamp()
            + (long)(_options.CheckpointInterval.TotalSeconds * _clock.TimestampFrequency);
        if (_options.CheckpointPath is { } path && _window.TakeReached() is { } reached)
        {
            try
            {
                reached.Save(path);
            }
            catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
            {
                throw CtlException.Failure(
                    $"the checkpoint {path} cannot be written: {cause.Message}; name another file", cause);
            }
        }
    }

    private CtlException Stopped(Exception cause)
    {
        CtlException known = CtlFailures.Explain(cause);
        return new CtlException(
            known.ExitCode,
            $"the import stopped at line {_failedLine} after {_importedCount} acknowledged lines: {known.Message}; "
                + $"{HowToGoOn}",
            cause);
    }

    private string HowToGoOn => _options.CheckpointPath is { } path
        ? $"run the same command again to go on from checkpoint {path}"
        : "with --resume FILE a run can go on where it stopped";

    private readonly record struct ImportLine(long Number, KeyValueRow Row);
}
