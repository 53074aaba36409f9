using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Kv.Base;
using Kv.Rpc.Wire;

namespace Kv.Rpc.Client;

/// <summary>The requests of a streaming call.</summary>
internal sealed class RequestWriter<TRequest, TResponse> : MessageWriter<TRequest>
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private static readonly StreamPipeWriterOptions PipeOptions = new(minimumBufferSize: 16 * 1024, leaveOpen: true);

    private readonly ClientCall<TResponse> _call;
    private readonly FrameWriter _writer;

    public RequestWriter(ClientCall<TResponse> call, Stream requests, int messageBytesMax, bool compress)
    {
        _call = call;
        _writer =
            new FrameWriter(PipeWriter.Create(requests, PipeOptions), messageBytesMax) { IsCompressing = compress };
    }

    public bool HasUnflushed => _writer.HasUnflushed;

    public override void Write(TRequest message) => _writer.Write(message);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await _writer.FlushAsync(
                cancellationToken.CanBeCanceled ? cancellationToken : _call.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not InvariantViolationException)
        {
            throw await _call.ToSendFailureAsync(e).ConfigureAwait(false);
        }
    }
}
