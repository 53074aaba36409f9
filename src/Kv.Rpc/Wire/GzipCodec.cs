using System.Buffers;
using System.IO.Compression;
using Google.Protobuf;

namespace Kv.Rpc.Wire;

/// <summary>Messages in gzip. Decompression stops at the limit, so a small message cannot become a large one.</summary>
internal static class GzipCodec
{
    private const int FirstOutputBytes = 16 * 1024;

    public static GzipOutput Decompress(in ReadOnlySequence<byte> compressed, int outputBytesMax)
    {
        byte[] input = ArrayPool<byte>.Shared.Rent((int)Math.Max(1, compressed.Length));
        byte[] output = ArrayPool<byte>.Shared.Rent(FirstOutputBytes);
        int length = 0;
        bool isDone = false;
        try
        {
            compressed.CopyTo(input);
            using MemoryStream source = new(input, 0, (int)compressed.Length, writable: false);
            using GZipStream gzip = new(source, CompressionMode.Decompress);
            while (true)
            {
                int read = gzip.Read(output, length, output.Length - length);
                if (read == 0)
                {
                    break;
                }

                length += read;
                if (length > outputBytesMax)
                {
                    throw new RpcException(
                        StatusCode.ResourceExhausted,
                        $"a message decompresses to over the limit of {outputBytesMax} bytes");
                }

                if (length == output.Length)
                {
                    output = Grow(output, length);
                }
            }

            isDone = true;
            return new GzipOutput(output, length);
        }
        catch (InvalidDataException e)
        {
            throw new RpcException(StatusCode.Internal, "a compressed message is no valid gzip", trailers: null, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
            if (!isDone)
            {
                ArrayPool<byte>.Shared.Return(output);
            }
        }
    }

    /// <summary>The message compressed, in a buffer of its own.</summary>
    public static ReadOnlyMemory<byte> Compress(IMessage message, int size)
    {
        byte[] plain = ArrayPool<byte>.Shared.Rent(Math.Max(1, size));
        try
        {
            message.WriteTo(plain.AsSpan(0, size));
            using MemoryStream target = new(size / 2);
            using (GZipStream gzip = new(target, CompressionLevel.Fastest, leaveOpen: true))
            {
                gzip.Write(plain, 0, size);
            }

            return target.GetBuffer().AsMemory(0, (int)target.Length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    private static byte[] Grow(byte[] output, int length)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(output.Length * 2);
        output.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(output);
        return larger;
    }
}
