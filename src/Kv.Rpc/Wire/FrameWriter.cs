using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Kv.Rpc.Wire;

/// <summary>
/// Writes length-prefixed messages of one direction of a call straight into the pipe. <see cref="Write"/> only buffers:
/// several messages can share one flush. One thread at a time.
/// </summary>
internal sealed class FrameWriter(PipeWriter pipe, int messageBytesMax)
{
    // Below this a compressed message is hardly smaller and costs more.
    private const int CompressBytesMin = 512;

    // Messages are buffered until the flush; the bound stops a caller who forgets to flush.
    private const long UnflushedBytesMax = 64L * 1024 * 1024;

    private long _unflushedBytes;

    public bool IsCompressing { get; set; }

    public bool HasUnflushed => _unflushedBytes > 0;

    public void Write(IMessage message)
    {
        int size = message.CalculateSize();
        if (size > messageBytesMax)
        {
            throw new RpcException(
                StatusCode.ResourceExhausted,
                $"a message of {size} bytes to send is over the limit of {messageBytesMax} bytes");
        }

        if (_unflushedBytes + size > UnflushedBytesMax)
        {
            throw new InvalidOperationException(
                $"{_unflushedBytes} bytes of messages wait for a flush; flush before writing on");
        }

        if (IsCompressing && size >= CompressBytesMin)
        {
            ReadOnlyMemory<byte> compressed = GzipCodec.Compress(message, size);
            WritePrefix(compressed.Length, flag: 1);
            pipe.Write(compressed.Span);
            _unflushedBytes += FrameReader.PrefixBytes + compressed.Length;
            return;
        }

        WritePrefix(size, flag: 0);
        message.WriteTo(pipe);
        _unflushedBytes += FrameReader.PrefixBytes + size;
    }

    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken)
    {
        _unflushedBytes = 0;
        return pipe.FlushAsync(cancellationToken);
    }

    private void WritePrefix(int length, byte flag)
    {
        Span<byte> prefix = pipe.GetSpan(FrameReader.PrefixBytes);
        prefix[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)length);
        pipe.Advance(FrameReader.PrefixBytes);
    }
}
