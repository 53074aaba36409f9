// Owns one Pipeline stream. One task reads and submits, one writes; responses come from any thread and are handed over
// by a channel whose bound is the number of requests under way (a request has exactly one response). A client that does
// not read is first read from no more, and cut off when too many bytes wait for it.
using System.Threading.Channels;
using Kv.Protocol;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Server;
using Kv.Store;

namespace Kv.Server.Client;

internal sealed class PipelineStream : IResponseSink, IDisposable
{
    /// <summary>No message grows beyond this unless one response alone does (Wire law: 3 MiB in all).</summary>
    private const int MessageBytesTarget = 1024 * 1024;

    private const int ResponsesPerMessageMax = 1_024;
    private const int SmallResponseBytes = 64;
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    private readonly Channel<Response> _ready = Channel.CreateUnbounded<Response>(
        new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = false });

    private readonly IRequestDoor _door;
    private readonly Limits _limits;
    private readonly int _inFlightMax;
    private readonly long _waitingBytesMax;
    private readonly SemaphoreSlim _room = new(0, 1);
    private readonly GrpcCallContext _context;

    // Touched by reader, writer and responders, atomically. Starts at 1 for the reader itself: whoever brings it to
    // zero ends the stream.
    private int _inFlight = 1;
    private int _readerWaits;
    private long _waitingBytes;
    private volatile bool _tooSlow;

    public PipelineStream(
        IRequestDoor door, Limits limits, int inFlightMax, long waitingBytesMax, GrpcCallContext context)
    {
        _door = door;
        _limits = limits;
        _inFlightMax = inFlightMax;
        _waitingBytesMax = waitingBytesMax;
        _context = context;
    }

    private bool HasRoom => Volatile.Read(ref _inFlight) <= _inFlightMax
        && Interlocked.Read(ref _waitingBytes) <= _waitingBytesMax / 8;

    /// <summary>Runs until the client has ended its requests and has every answer, or either side fails.</summary>
    public async ValueTask RunAsync(
        MessageReader<PipelineRequest> requests, MessageWriter<PipelineResponse> responses)
    {
        Task writing = WriteAsync(responses, _context.CancellationToken);
        Task reading = ReadAsync(requests, _context.CancellationToken);
        try
        {
            await await Task.WhenAny(reading, writing);

            // The client sent all it wants: the stream ends when the last answer is out.
            await writing;
        }
        catch (Exception e) when (_tooSlow && e is OperationCanceledException or RpcException)
        {
            throw new RpcException(
                StatusCode.ResourceExhausted,
                $"the client does not read: more than {_waitingBytesMax} bytes of answers wait for it");
        }
        finally
        {
            _ready.Writer.TryComplete();
            await EndAsync(reading, writing);
        }
    }

    public void OnResponse(Response response)
    {
        if (Interlocked.Add(ref _waitingBytes, SizeOf(response)) > _waitingBytesMax && !_tooSlow)
        {
            _tooSlow = true;
            ThreadPool.UnsafeQueueUserWorkItem(static context => context.Abort(), _context, preferLocal: false);
        }

        // Fails only when the stream has ended: then nobody wants it.
        _ready.Writer.TryWrite(response);
    }

    public void Dispose() => _room.Dispose();

    /// <summary>Waits for both tasks, so that none outlives the call; who holds on is cut off.</summary>
    private async Task EndAsync(Task reading, Task writing)
    {
        if (!writing.IsFaulted && !writing.IsCanceled)
        {
            await writing.WaitAsync(EndPatience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!reading.IsCompleted || !writing.IsCompleted)
        {
            _context.Abort();
        }

        await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ReadAsync(MessageReader<PipelineRequest> requests, CancellationToken cancellationToken)
    {
        while (await requests.ReadAsync(cancellationToken) is { } batch)
        {
            if (batch.Requests.Count > _limits.PipelineCountMax)
            {
                throw new RpcException(
                    StatusCode.InvalidArgument,
                    $"the message holds {batch.Requests.Count} requests, at most {_limits.PipelineCountMax} are "
                    + $"allowed");
            }

            foreach (Request request in batch.Requests)
            {
                Interlocked.Increment(ref _inFlight);
                if (!HasRoom)
                {
                    await WaitForRoomAsync(cancellationToken);
                }

                _door.Submit(request, this);
            }
        }

        Leave(1);
    }

    private async Task WaitForRoomAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Interlocked.Exchange(ref _readerWaits, 1);
            if (HasRoom)
            {
                // A release that came in between is taken by the next wait, which then looks again.
                Interlocked.Exchange(ref _readerWaits, 0);
                return;
            }

            await _room.WaitAsync(cancellationToken);
        }
    }

    private void Leave(int count)
    {
        if (Interlocked.Add(ref _inFlight, -count) == 0)
        {
            _ready.Writer.TryComplete();
        }

        if (Interlocked.Exchange(ref _readerWaits, 0) == 1 && _room.CurrentCount == 0)
        {
            _room.Release();
        }
    }

    private async Task WriteAsync(MessageWriter<PipelineResponse> responses, CancellationToken cancellationToken)
    {
        ChannelReader<Response> ready = _ready.Reader;
        var message = new PipelineResponse();
        while (await ready.WaitToReadAsync(cancellationToken))
        {
            int taken = 0;
            long bytes = 0;
            while (ready.TryRead(out Response? response))
            {
                int size = SizeOf(response);
                if (message.Responses.Count > 0
                    && (bytes + size > MessageBytesTarget || message.Responses.Count >= ResponsesPerMessageMax))
                {
                    taken += Send(responses, message, ref bytes);
                    await responses.FlushAsync(cancellationToken);
                }

                message.Responses.Add(response);
                bytes += size;
            }

            taken += Send(responses, message, ref bytes);
            await responses.FlushAsync(cancellationToken);
            Leave(taken);
        }
    }

    private int Send(MessageWriter<PipelineResponse> responses, PipelineResponse message, ref long bytes)
    {
        int count = message.Responses.Count;
        if (count > 0)
        {
            responses.Write(message);
            message.Responses.Clear();
            Interlocked.Add(ref _waitingBytes, -bytes);
            bytes = 0;
        }

        return count;
    }

    /// <summary>Rough size: exact where values are, so that the bound holds, and cheap where nothing is.</summary>
    private static int SizeOf(Response response) => response.ResultCase switch
    {
        Response.ResultOneofCase.Get => SmallResponseBytes + response.Get.Value.Length,
        Response.ResultOneofCase.Write when response.Write.Results.Count == 0 => SmallResponseBytes,
        _ => SmallResponseBytes + response.CalculateSize(),
    };
}
