namespace Kv.Ctl.Transfer;

/// <summary>What a transfer has done so far; written by its workers, read by the display.</summary>
internal sealed class TransferCounters
{
    private long _rows;
    private long _bytes;
    private long _position;
    private long _positionMax;

    /// <summary>Rows that are done.</summary>
    public long Rows => Interlocked.Read(ref _rows);

    /// <summary>Key and value bytes of those rows.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>How far it is, in the unit of <see cref="PositionMax"/> (bytes of input, regions).</summary>
    public long Position => Interlocked.Read(ref _position);

    /// <summary>Where it ends; 0 while that is not known.</summary>
    public long PositionMax => Interlocked.Read(ref _positionMax);

    public void AddRow(int bytes)
    {
        Interlocked.Increment(ref _rows);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void MoveTo(long position) => Interlocked.Exchange(ref _position, position);

    public void SetEnd(long positionMax) => Interlocked.Exchange(ref _positionMax, positionMax);
}
