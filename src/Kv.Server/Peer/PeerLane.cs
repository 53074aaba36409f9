// Owns the sending side to one store on one lane: a bounded queue, one connection, one task. A full queue drops, a
// broken connection drops what waits (raft sends again; what is old is worth nothing), and reconnecting backs off.
using System.Threading.Channels;
using Kv.Base;
using Kv.Protocol.Raft.V1;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Client;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Peer;

internal sealed class PeerLane : IAsyncDisposable
{
    private const int EnvelopeCountMax = 4_096;
    private const long ControlBytesMax = 16L * 1024 * 1024;
    private const long DataBytesMax = 64L * 1024 * 1024;
    private const int BackOffMsMin = 50;
    private const int BackOffMsMax = 1_000;
    private const int RefusedBackOffMs = 2_000;

    private readonly StoreIdentity _identity;
    private readonly StoreInfo _to;
    private readonly Lane _lane;
    private readonly ILogger _log;

    // The raft loop itself hands a message to the connection, which takes it and returns: one thread switch less on the
    // way of every append. Nothing it runs there waits.
    private readonly Channel<StoreEnvelope> _queue = Channel.CreateBounded<StoreEnvelope>(
        new BoundedChannelOptions(EnvelopeCountMax) { SingleReader = true, AllowSynchronousContinuations = true });

    private readonly CancellationTokenSource _ended = new();
    private readonly GrpcChannel _channel;
    private readonly Task _running;
    private long _bytes;
    private string? _said;

    public PeerLane(StoreIdentity identity, StoreInfo to, Lane lane, ILogger log)
    {
        _identity = identity;
        _to = to;
        _lane = lane;
        _log = log;
        _channel = new GrpcChannel(new Uri($"http://{to.PeerAddress}"), new GrpcChannelOptions
        {
            ConnectTimeout = TimeSpan.FromSeconds(2),
            KeepAlivePingDelay = TimeSpan.FromSeconds(2),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(2),
        });
        _running = RunAsync(_ended.Token);
    }

    public bool TrySend(StoreEnvelope envelope)
    {
        int size = SizeOf(envelope);
        long bytesMax = _lane == Lane.Control ? ControlBytesMax : DataBytesMax;
        if (Interlocked.Add(ref _bytes, size) <= bytesMax && _queue.Writer.TryWrite(envelope))
        {
            return true;
        }

        Interlocked.Add(ref _bytes, -size);
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _queue.Writer.TryComplete();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _channel.Dispose();
        _ended.Dispose();
    }

    /// <summary>Rough bytes in memory; entries are what can be large.</summary>
    private static int SizeOf(StoreEnvelope envelope)
    {
        const int Fixed = 128;
        int size = Fixed + (envelope.Notices.Count * Fixed);
        foreach (RaftMessage message in envelope.Messages)
        {
            size += Fixed;
            foreach (RaftEntry entry in message.Entries)
            {
                size += Fixed + entry.Data.Length;
            }
        }

        return size + (envelope.Report is null ? 0 : Fixed * (1 + envelope.Report.Regions.Count));
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        int backOff = BackOffMsMin;
        while (!cancellationToken.IsCancellationRequested)
        {
            bool wasOpen = false;
            try
            {
                // Nothing to say, nothing to open: the first envelope asks for the connection.
                await _queue.Reader.WaitToReadAsync(cancellationToken);
                using GrpcDuplexCall<StoreEnvelope, Welcome> call =
                    await _channel.OpenDuplexAsync(PeerMethods.Exchange, cancellationToken: cancellationToken);
                await OpenAsync(call, cancellationToken);
                wasOpen = true;
                backOff = BackOffMsMin;
                await PumpAsync(call, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e)
            {
                backOff = e.StatusCode == StatusCode.FailedPrecondition ? RefusedBackOffMs : backOff;
                Say(e, wasOpen);
            }

            Drop();
            await Task.Delay(backOff, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            backOff = Math.Min(backOff * 2, Math.Max(BackOffMsMax, backOff));
            Drop();
        }
    }

    private async Task OpenAsync(GrpcDuplexCall<StoreEnvelope, Welcome> call, CancellationToken cancellationToken)
    {
        var to = new StoreId(_to.Id);
        await call.Requests.WriteAsync(new StoreEnvelope { Hello = _identity.Hello(to, _lane) }, cancellationToken);
        Welcome? welcome = await call.Responses.ReadAsync(cancellationToken);
        if (welcome is null || welcome.StoreId != _to.Id)
        {
            throw new RpcException(
                StatusCode.FailedPrecondition,
                    $"{_to.PeerAddress} answers as store {welcome?.StoreId ?? 0}, not {_to.Id}");
        }

        if (_said is not null)
        {
            _log.LogInformation("connected to store {Store} again ({Lane})", _to.Id, _lane);
            _said = null;
        }
    }

    private async Task PumpAsync(GrpcDuplexCall<StoreEnvelope, Welcome> call, CancellationToken cancellationToken)
    {
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task watching = WatchAsync(call, broken);
        try
        {
            while (await _queue.Reader.WaitToReadAsync(broken.Token))
            {
                while (_queue.Reader.TryRead(out StoreEnvelope? envelope))
                {
                    Interlocked.Add(ref _bytes, -SizeOf(envelope));
#pragma warning disable VSTHRD103 // It writes to memory; the flush below is what waits.
                    call.Requests.Write(envelope);
#pragma warning restore VSTHRD103
                }

                await call.Requests.FlushAsync(broken.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The other side ended the stream; its status says why.
        }
        finally
        {
            await broken.CancelAsync();
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await watching;
    }

    /// <summary>
    /// The answering side sends nothing after the welcome: a read that ends tells of the stream's end.
    /// </summary>
    private static async Task WatchAsync(GrpcDuplexCall<StoreEnvelope, Welcome> call, CancellationTokenSource broken)
    {
        try
        {
            await call.Responses.ReadAsync(broken.Token);
        }
        finally
        {
            await broken.CancelAsync();
        }
    }

    private void Drop()
    {
        while (_queue.Reader.TryRead(out StoreEnvelope? envelope))
        {
            Interlocked.Add(ref _bytes, -SizeOf(envelope));
        }
    }

    /// <summary>Says each new reason once, not once per try.</summary>
    private void Say(RpcException e, bool wasOpen)
    {
        string text = $"{e.StatusCode}: {e.Detail}";
        if (_said != text)
        {
            _said = text;
            _log.Log(
                e.StatusCode == StatusCode.FailedPrecondition ? LogLevel.Error : LogLevel.Warning,
                "{What} store {Store} at {Address} ({Lane}): {Why}",
                wasOpen ? "lost" : "cannot reach",
                _to.Id,
                _to.PeerAddress,
                _lane,
                text);
        }
    }
}
