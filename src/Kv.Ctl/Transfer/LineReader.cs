using System.Security.Cryptography;
using Kv.Base;

namespace Kv.Ctl.Transfer;

/// <summary>
/// Reads a stream line by line as bytes, with numbers and offsets, and keeps the SHA-256 of all that the lines so far
/// were made of. A line above the limit is passed over and reported, never held. One reader at a time.
/// </summary>
internal sealed class LineReader : IDisposable
{
    private const int ChunkBytes = 64 * 1024;

    private readonly Stream _input;
    private readonly int _lineBytesMax;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _buffer = new byte[ChunkBytes];
    private int _start;
    private int _end;
    private bool _isAtEnd;

    /// <param name="input">Stays the caller's.</param>
    /// <param name="lineBytesMax">Longest line, its end not counted.</param>
    public LineReader(Stream input, int lineBytesMax)
    {
        Invariant.Require(lineBytesMax > 0);
        _input = input;
        _lineBytesMax = lineBytesMax;
    }

    /// <summary>Number of the line read last; 0 before the first.</summary>
    public long LineNumber { get; private set; }

    /// <summary>Bytes up to the end of the line read last, its line end included.</summary>
    public long Offset { get; private set; }

    /// <summary>SHA-256 of the bytes before <see cref="Offset"/>.</summary>
    public byte[] HashSoFar() => _hash.GetCurrentHash();

    /// <summary>The next line without its end, valid until the next call; null behind the last one.</summary>
    public async ValueTask<InputLine?> ReadAsync(CancellationToken cancellationToken)
    {
        int scanned = 0;
        while (true)
        {
            int lineEnd = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf((byte)'\n');
            if (lineEnd >= 0)
            {
                return TakeLine(scanned + lineEnd, endBytes: 1);
            }

            scanned = _end - _start;
            if (_isAtEnd)
            {
                return scanned == 0 ? null : TakeLine(scanned, endBytes: 0);
            }

            if (scanned > _lineBytesMax)
            {
                await SkipLineAsync(cancellationToken);
                return new InputLine(default, IsTooLong: true);
            }

            await FillAsync(cancellationToken);
        }
    }

    public void Dispose() => _hash.Dispose();

    private InputLine TakeLine(int length, int endBytes)
    {
        ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, length);
        Consume(length + endBytes);
        LineNumber++;
        if (length > 0 && line.Span[^1] == (byte)'\r')
        {
            line = line[..^1];
        }

        return length > _lineBytesMax ? new InputLine(default, IsTooLong: true) : new InputLine(line, IsTooLong: false);
    }

    private async ValueTask SkipLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int lineEnd = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            Consume(lineEnd >= 0 ? lineEnd + 1 : _end - _start);
            if (lineEnd >= 0 || _isAtEnd)
            {
                LineNumber++;
                return;
            }

            await FillAsync(cancellationToken);
        }
    }

    private void Consume(int count)
    {
        _hash.AppendData(_buffer, _start, count);
        _start += count;
        Offset += count;
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            // Grows up to a line above the limit, which is then passed over.
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        int count = await _input.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += count;
        _isAtEnd = count == 0;
    }
}

/// <summary>A line without its end; of one that was too long nothing is kept.</summary>
internal readonly record struct InputLine(ReadOnlyMemory<byte> Bytes, bool IsTooLong);
