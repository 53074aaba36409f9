using Kv.Base;

namespace Kv.Ctl.Transfer;

/// <summary>
/// Which lines of an import are under way. Lines begin in order and end in any; a mark is reached when every line up to
/// it has ended, and then carries exactly what became of those lines. Bounded: <see cref="BeginAsync"/> waits while too
/// many lines lie between the oldest that has not ended and the newest. Safe for use by several threads.
/// </summary>
internal sealed class ImportWindow : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _room;
    private readonly Queue<long> _begun = new();
    private readonly Dictionary<long, bool> _ended = [];
    private readonly Queue<ImportCheckpoint> _marks = new();
    private ImportCheckpoint? _reached;
    private long _importedCount;
    private long _refusedCount;

    public ImportWindow(int linesMax) => _room = new SemaphoreSlim(linesMax, linesMax);

    public async ValueTask BeginAsync(long line, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken);
        lock (_lock)
        {
            _begun.Enqueue(line);
        }
    }

    /// <summary>The line was acknowledged, or refused as bad.</summary>
    public void End(long line, bool isImported)
    {
        int room = 0;
        lock (_lock)
        {
            Invariant.Require(_ended.TryAdd(line, isImported));
            while (_begun.TryPeek(out long oldest) && _ended.Remove(oldest, out bool imported))
            {
                TakeMarksBelow(oldest);
                _begun.Dequeue();
                _importedCount += imported ? 1 : 0;
                _refusedCount += imported ? 0 : 1;
                room++;
            }
        }

        if (room > 0)
        {
            _room.Release(room);
        }
    }

    /// <summary>
    /// Notes a checkpoint that holds as soon as every line begun so far has ended. Its counts are what is known without
    /// the lines that began; those are added when it is reached.
    /// </summary>
    public void Mark(ImportCheckpoint checkpoint)
    {
        lock (_lock)
        {
            _marks.Enqueue(checkpoint);
        }
    }

    /// <summary>The newest mark that holds now; null when there is none since the last call.</summary>
    public ImportCheckpoint? TakeReached()
    {
        lock (_lock)
        {
            TakeMarksBelow(_begun.TryPeek(out long oldest) ? oldest : long.MaxValue);
            ImportCheckpoint? reached = _reached;
            _reached = null;
            return reached;
        }
    }

    public void Dispose() => _room.Dispose();

    private void TakeMarksBelow(long line)
    {
        while (_marks.TryPeek(out ImportCheckpoint? mark) && mark.Line < line)
        {
            _marks.Dequeue();
            _reached = mark with
            {
                ImportedCount = mark.ImportedCount + _importedCount,
                BadCount = mark.BadCount + _refusedCount,
            };
        }
    }
}
