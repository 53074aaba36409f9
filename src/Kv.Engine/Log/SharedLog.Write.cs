// Owns the write path: batch to frame, frame to disk, one sync, then the index. The log writer's thread only.
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Log;

public sealed partial class SharedLog
{
    /// <summary>Zeros written ahead at a time: about a millisecond's worth of a disk.</summary>
    private const int FillBytes = 256 * 1024;

    private static readonly byte[] Zeros = new byte[FillBytes];

    private Segment Active => _segments[^1];

    public void Write(LogBatch batch)
    {
        ThrowIfDead();
        _encoder.Begin();
        _encoder.Encode(batch);
        if (_encoder.RecordCount == 0)
        {
            return;
        }

        long frameOffset = WriteFrame(_encoder.Output, _encoder.RecordCount);
        _encoder.Apply(batch, Active, frameOffset, _cache);
        RecycleSuperseded();
    }

    public void KeepAlive()
    {
        ThrowIfDead();
        _encoder.Begin();
        WriteFrame(_encoder.Output, recordCount: 0);
        RecycleSuperseded();
    }

    /// <summary>
    /// Writes the builder's bytes as the next frame and syncs it; returns where it starts in the active segment.
    /// </summary>
    private long WriteFrame(ByteBuilder output, int recordCount)
    {
        int bodyLength = output.Length - LogFormat.FrameHeaderBytes;
        output.Skip(LogFormat.Align(output.Length) - output.Length);
        try
        {
            if (Active.End + output.Length > Active.Length)
            {
                Rotate(output.Length);
            }

            Segment segment = Active;
            long offset = segment.End;
            ReadOnlySpan<byte> body = output.Slice(LogFormat.FrameHeaderBytes, bodyLength);
            FrameHeader header = new(
                bodyLength,
                segment.Number,
                offset,
                _frameNumber,
                DurableOffset: offset,
                _chain,
                Crc32C.Extend(_seed, body),
                recordCount,
                Crc: 0);
            uint crc = header.Write(output.Slice(0, LogFormat.FrameHeaderBytes), _seed);
            FillAhead(segment, offset + output.Length);
            segment.File.WriteAt(offset, output.Written, SyncSites.LogSegmentWrite);
            segment.File.SyncData(SyncSites.LogSegmentSync);
            segment.End = offset + output.Length;
            _chain = crc;
            _frameNumber++;
            Volatile.Write(ref _syncCount, _syncCount + 1);
            return offset;
        }
        catch (Exception exception)
        {
            _failure = exception;
            throw;
        }
    }

    /// <summary>
    /// Writes zeros ahead of the frames of a fresh segment, to be synced with the next frame. Where blocks are
    /// allocated but were never written, each sync has the file's metadata to write too and takes nearly twice as
    /// long; this way one sync in many does.
    /// </summary>
    private static void FillAhead(Segment segment, long end)
    {
        while (segment.FilledTo < end)
        {
            long from = Math.Max(segment.FilledTo, segment.End);
            int length = (int)Math.Min(FillBytes, segment.Length - from);
            segment.File.WriteAt(from, Zeros.AsSpan(0, length), SyncSites.LogSegmentWrite);
            segment.FilledTo = from + length;
        }
    }

    /// <summary>
    /// Seals the active segment by opening the next one, whose first block says where this one ends and what it holds.
    /// </summary>
    private void Rotate(int frameBytes)
    {
        Segment full = Active;
        ulong number = full.Number + 1;
        SegmentHeader header = new()
        {
            LogId = _logId,
            FileNumber = number,
            PreviousFile = full.Number,
            PreviousEnd = full.End,
            PreviousChain = _chain,
            PurgedThrough = _replay.PurgedThrough,
            FirstFrameNumber = _frameNumber,
            Index = SegmentIndex.Encode(_table.Touched),
            Carried = [],
        };
        Segment next = new(number, SegmentFolder.NameOf(number));
        _folder.Create(next, header, frameBytes);
        Invariant.Require(next.End + frameBytes <= next.Length);
        _segments.Add(next);
        _chain = header.Crc;
        _table.BeginSegment(number);
        UpdateSize();
    }

    private void RecycleSuperseded()
    {
        if (_superseded.Count == 0)
        {
            return;
        }

        Recycle([.. _superseded]);
        _superseded.Clear();
    }

    private void Recycle(IReadOnlyList<Segment> segments)
    {
        try
        {
            _folder.Recycle(segments);
        }
        catch (Exception exception)
        {
            _failure = exception;
            throw;
        }
    }

    private void ThrowIfDead()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_failure is StorageException failure)
        {
            throw new StorageException(failure.Path, failure.Site, $"the raft log stopped after {failure.Error}");
        }

        if (_failure is not null)
        {
            throw new StorageException(
                _folder.FolderPath, SyncSites.LogSegmentWrite, $"the raft log stopped: {_failure.Message}");
        }
    }
}
