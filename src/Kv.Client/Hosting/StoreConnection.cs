// Owns the stream to one store: opened by the first message, opened again by the next message after it was lost.
using System.Threading.Channels;
using Kv.Client.Core;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Client;
using Microsoft.Extensions.Logging;

namespace Kv.Client.Hosting;

internal sealed class StoreConnection : IAsyncDisposable
{
    // A scan page and a value have limits of their own far below this.
    private const int ResponseBytesMax = 32 * 1024 * 1024;

    // Unbounded by itself: the pump's window per store bounds what can be in it.
    private readonly Channel<PipelineRequest> _outgoing =
        Channel.CreateUnbounded<PipelineRequest>(new UnboundedChannelOptions { SingleReader = true });

    private readonly CancellationTokenSource _stop = new();
    private readonly string _address;
    private readonly KvClientOptions _options;
    private readonly IClientTransportSink _sink;
    private readonly ILogger? _log;
    private readonly Task _running;

    public StoreConnection(string address, KvClientOptions options, IClientTransportSink sink, ILogger? log)
    {
        _address = address;
        _options = options;
        _sink = sink;
        _log = log;
        _running = RunAsync();
    }

    public void Send(PipelineRequest message)
    {
        if (!_outgoing.Writer.TryWrite(message))
        {
            _sink.OnNotSent(_address, message, "the client was closed");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _outgoing.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        if (!Uri.TryCreate($"http://{_address}", UriKind.Absolute, out Uri? uri) || uri.PathAndQuery != "/")
        {
            await RefuseAllAsync($"'{_address}' is no address of the form host:port").ConfigureAwait(false);
            return;
        }

        using var channel = new GrpcChannel(uri, new GrpcChannelOptions
        {
            ReceiveMessageBytesMax = ResponseBytesMax,
            ConnectTimeout = _options.AttemptTimeout,
            Time = _options.Clock,
        });
        while (await HasMoreAsync().ConfigureAwait(false))
        {
            await RunStreamAsync(channel).ConfigureAwait(false);
        }
    }

    private async Task<bool> HasMoreAsync()
    {
        try
        {
            return await _outgoing.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>From opening to loss; reports what became of every message taken.</summary>
    private async Task RunStreamAsync(GrpcChannel channel)
    {
        // Ends the call; disposing it while it is being read would pull the ground from under the reader.
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        GrpcDuplexCall<PipelineRequest, PipelineResponse> call;
        try
        {
            call = await channel.OpenDuplexAsync(GrpcClientTransport.Pipeline, options: null, lost.Token)
                .ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            _log?.LogDebug("store at {Address}: cannot connect: {Detail}", _address, e.Detail);
            RefuseWaiting(e.Detail);
            return;
        }

        using (call)
        {
            _log?.LogDebug("store at {Address}: connected", _address);
            Task<string> reading = ReadAsync(call.Responses, lost.Token);
            Task<string> writing = WriteAsync(call.Requests, lost.Token);
            Task<string> first = await Task.WhenAny(reading, writing).ConfigureAwait(false);
            string reason = await first.ConfigureAwait(false);
            await lost.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(false);
            await writing.ConfigureAwait(false);
            _log?.LogDebug("store at {Address}: connection lost: {Reason}", _address, reason);
            RefuseWaiting(reason);
            _sink.OnDisconnected(_address, reason);
        }
    }

    private async Task<string> ReadAsync(MessageReader<PipelineResponse> responses, CancellationToken lost)
    {
        try
        {
            while (await responses.ReadAsync(lost).ConfigureAwait(false) is { } message)
            {
                _sink.OnResponses(_address, message);
            }

            return "the store ended the stream";
        }
        catch (RpcException e)
        {
            return e.Detail;
        }
    }

    private async Task<string> WriteAsync(MessageWriter<PipelineRequest> requests, CancellationToken lost)
    {
        try
        {
            while (await _outgoing.Reader.WaitToReadAsync(lost).ConfigureAwait(false))
            {
                while (!lost.IsCancellationRequested && _outgoing.Reader.TryRead(out PipelineRequest? message))
                {
                    requests.Write(message);
                    await requests.FlushAsync(lost).ConfigureAwait(false);
                }
            }

            return "the client was closed";
        }
        catch (RpcException e)
        {
            return e.Detail;
        }
        catch (OperationCanceledException)
        {
            return "the connection was lost";
        }
    }

    /// <summary>Gives back what was never written.</summary>
    private void RefuseWaiting(string reason)
    {
        while (_outgoing.Reader.TryRead(out PipelineRequest? message))
        {
            _sink.OnNotSent(_address, message, reason);
        }
    }

    private async Task RefuseAllAsync(string reason)
    {
        while (await HasMoreAsync().ConfigureAwait(false))
        {
            RefuseWaiting(reason);
        }
    }
}
