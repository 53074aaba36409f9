// Owns the walk over a segment's frames at open. It believes a length only after the header's checksum and the file's
// end allow it, so a damaged length costs no memory (F13). It stops at the first byte that is not the next frame of
// this log, and says why.
using System.Buffers.Binary;
using Kv.Base;
using Kv.Engine.Files;

namespace Kv.Engine.Log;

internal sealed class FrameScanner(
    IFile file, uint seed, ulong fileNumber, long limit, ScanPosition start)
{
    private const int WindowBytes = 256 * 1024;

    private byte[] _window = [];
    private long _windowStart;
    private int _windowLength;
    private int _bodyLength;

    /// <summary>What must come next.</summary>
    public ScanPosition Position { get; private set; } = start;

    /// <summary>Why the walk ended.</summary>
    public string Break { get; private set; } = "";

    /// <summary>Body of the frame just read; valid until the next call.</summary>
    public ReadOnlySpan<byte> Body => Fetch(Position.BodyOffset, _bodyLength);

    public bool TryNext(out FrameHeader header)
    {
        header = default;
#if PLANT_FRAME_TAIL
        SkipToWhatParses();
#endif
        long offset = Position.Offset;
        if (offset + LogFormat.FrameHeaderBytes > limit)
        {
            return Stop("the segment is full");
        }

        if (FrameHeader.TryRead(Fetch(offset, LogFormat.FrameHeaderBytes), seed, fileNumber, offset) is not { } found)
        {
            return Stop("no frame header of this file and offset");
        }

        if (found.TotalBytes > limit - offset)
        {
            return Stop($"a frame of {found.TotalBytes} bytes runs past the end at {limit}");
        }

        if (found.Chain != Position.Chain || found.FrameNumber != Position.FrameNumber)
        {
            return Stop($"frame {found.FrameNumber} does not follow the frame before it");
        }

        if (Crc32C.Extend(seed, Fetch(offset + LogFormat.FrameHeaderBytes, found.BodyLength)) != found.BodyCrc)
        {
            return Stop($"the checksum of frame {found.FrameNumber} is wrong");
        }

        header = found;
        _bodyLength = found.BodyLength;
        Position = new ScanPosition(
            offset + found.TotalBytes, found.Crc, found.FrameNumber + 1, offset + LogFormat.FrameHeaderBytes);
        return true;
    }

    /// <summary>
    /// Looks at and behind <paramref name="from"/> for any frame header of this file that names a durable offset above
    /// it: the proof that what broke there was durable (Frame law). Null when there is none.
    /// </summary>
    public FrameHeader? FindProofOfDurability(long from)
    {
        Span<byte> magic = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(magic, LogFormat.FrameMagic);
        for (long place = LogFormat.Align(from); place + LogFormat.FrameHeaderBytes <= limit;)
        {
            ReadOnlySpan<byte> window = Fetch(place, (int)Math.Min(WindowBytes, limit - place));
            for (int at = window.IndexOf(magic); at >= 0; at = IndexOf(window, magic, at + 1))
            {
                if (FrameHeader.TryRead(window[at..], seed, fileNumber, place + at) is { } header
                    && header.DurableOffset > from)
                {
                    return header;
                }
            }

            if (window.Length < LogFormat.FrameHeaderBytes)
            {
                break;
            }

            // Windows overlap by a header, so that none is missed across an edge.
            place += Math.Max(LogFormat.Alignment, window.Length - LogFormat.FrameHeaderBytes);
        }

        return null;
    }

#if PLANT_FRAME_TAIL // Frame law: what parses behind a break is replayed
    private void SkipToWhatParses()
    {
        for (long at = Position.Offset; at + LogFormat.FrameHeaderBytes <= limit; at += LogFormat.Alignment)
        {
            ReadOnlySpan<byte> bytes = Fetch(at, LogFormat.FrameHeaderBytes);
            ulong number = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
            if (FrameHeader.TryRead(bytes, seed, number, at) is { } found && found.TotalBytes <= limit - at
                && Crc32C.Extend(seed, Fetch(at + LogFormat.FrameHeaderBytes, found.BodyLength)) == found.BodyCrc)
            {
                fileNumber = number;
                Position = new ScanPosition(at, found.Chain, found.FrameNumber, Position.BodyOffset);
                return;
            }
        }
    }
#endif

    private static int IndexOf(ReadOnlySpan<byte> window, ReadOnlySpan<byte> wanted, int from)
    {
        int found = window[from..].IndexOf(wanted);
        return found < 0 ? found : from + found;
    }

    private bool Stop(string reason)
    {
        Break = reason;
        return false;
    }

    private ReadOnlySpan<byte> Fetch(long offset, int length)
    {
        if (offset < _windowStart || offset + length > _windowStart + _windowLength)
        {
            int wanted = (int)Math.Min(Math.Max(WindowBytes, length), limit - offset);
            if (_window.Length < wanted)
            {
                _window = new byte[wanted];
            }

            _windowStart = offset;
            _windowLength = file.ReadAt(offset, _window.AsSpan(0, wanted));
        }

        int available = (int)Math.Min(length, _windowStart + _windowLength - offset);
        return _window.AsSpan((int)(offset - _windowStart), available);
    }
}

/// <summary>
/// Where a scan is: place, checksum of what came before and number of the next frame, and the body of the last one.
/// </summary>
internal readonly record struct ScanPosition(long Offset, uint Chain, ulong FrameNumber, long BodyOffset);
