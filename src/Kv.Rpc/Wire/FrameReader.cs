using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Kv.Rpc.Wire;

/// <summary>
/// Reads length-prefixed messages of one direction of a call. A message is parsed straight from the pipe's buffers; its
/// length is checked against the limit before a byte of it is waited for. Failures are <see cref="RpcException"/>s.
/// </summary>
internal sealed class FrameReader(PipeReader pipe, int messageBytesMax, MessageEncoding encoding)
{
    public const int PrefixBytes = 5;

    /// <summary>The next message, or null when the other side has ended its messages.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T?> ReadAsync<T>(MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        while (true)
        {
            ReadResult result = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = result.Buffer;
            SequencePosition consumed = buffer.Start;
            SequencePosition examined = buffer.End;
            try
            {
                if (TryReadFrame(buffer, out bool isCompressed, out ReadOnlySequence<byte> payload))
                {
                    consumed = examined = payload.End;
                    return Parse(parser, isCompressed, payload);
                }

                if (result.IsCompleted)
                {
                    return buffer.IsEmpty
                        ? null
                        : throw new RpcException(StatusCode.Internal, "the stream ended in the middle of a message");
                }
            }
            finally
            {
                pipe.AdvanceTo(consumed, examined);
            }
        }
    }

    /// <summary>Reads the only message of a call that sends one; a second message or none is the other side's
    /// error.</summary>
    public async ValueTask<T> ReadSingleAsync<T>(MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        T message = await ReadAsync(parser, cancellationToken).ConfigureAwait(false)
            ?? throw new RpcException(StatusCode.Internal, "the stream ended without the one message this call needs");
        return await ReadAsync(parser, cancellationToken).ConfigureAwait(false) is null
            ? message
            : throw new RpcException(
                StatusCode.Internal, "the stream carries more than the one message this call allows");
    }

    private bool TryReadFrame(
        in ReadOnlySequence<byte> buffer, out bool isCompressed, out ReadOnlySequence<byte> payload)
    {
        isCompressed = false;
        payload = default;
        if (buffer.Length < PrefixBytes)
        {
            return false;
        }

        // The prefix may be cut anywhere by the pipe's buffers.
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        buffer.Slice(0, PrefixBytes).CopyTo(prefix);

        if (prefix[0] > 1)
        {
            throw new RpcException(StatusCode.Internal, $"the compressed flag of a message is {prefix[0]}, not 0 or 1");
        }

        isCompressed = prefix[0] == 1;
        if (isCompressed && encoding == MessageEncoding.Identity)
        {
            throw new RpcException(
                StatusCode.Internal, "a message is marked compressed, but the call names no grpc-encoding");
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > (uint)messageBytesMax)
        {
            throw new RpcException(
                StatusCode.ResourceExhausted,
                $"a message of {length} bytes is over the limit of {messageBytesMax} bytes");
        }

        if (buffer.Length - PrefixBytes < length)
        {
            return false;
        }

        payload = buffer.Slice(PrefixBytes, length);
        return true;
    }

    private T Parse<T>(MessageParser<T> parser, bool isCompressed, in ReadOnlySequence<byte> payload)
        where T : class, IMessage<T>
    {
        try
        {
            if (!isCompressed)
            {
                return payload.IsSingleSegment ? parser.ParseFrom(payload.FirstSpan) : parser.ParseFrom(payload);
            }

            using GzipOutput plain = GzipCodec.Decompress(payload, messageBytesMax);
            return parser.ParseFrom(plain.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new RpcException(StatusCode.Internal, "a message is no valid protocol buffer", trailers: null, e);
        }
    }
}
