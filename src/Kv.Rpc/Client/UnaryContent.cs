using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using Google.Protobuf;
using Kv.Rpc.Wire;

namespace Kv.Rpc.Client;

/// <summary>
/// The body of a call with one request. It can be written again: HttpClient does so when a connection was closed before
/// the server saw the call.
/// </summary>
internal sealed class UnaryContent(IMessage message, bool compress) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        int size = message.CalculateSize();
        if (compress)
        {
            ReadOnlyMemory<byte> packed = GzipCodec.Compress(message, size);
            byte[] prefix = new byte[FrameReader.PrefixBytes];
            WritePrefix(prefix, flag: 1, packed.Length);
            await stream.WriteAsync(prefix, cancellationToken).ConfigureAwait(false);
            await stream.WriteAsync(packed, cancellationToken).ConfigureAwait(false);
            return;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(FrameReader.PrefixBytes + size);
        try
        {
            WritePrefix(rented, flag: 0, size);
            message.WriteTo(rented.AsSpan(FrameReader.PrefixBytes, size));
            await stream.WriteAsync(
                rented.AsMemory(0, FrameReader.PrefixBytes + size), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private static void WritePrefix(Span<byte> target, byte flag, int length)
    {
        target[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(target[1..], (uint)length);
    }
}
