using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Kv.Rpc.Server;

/// <summary>
/// Stands before TLS and HTTP/2 on a port: holds the port's own limit of connections, and closes connections whose
/// client does not begin to speak in time, so that silence costs the port nothing.
/// </summary>
internal sealed class ConnectionGuard(GrpcPortOptions options, bool isTls, ILogger logger)
{
    // What HTTP/2 in the clear opens with. Of TLS one byte will do: it watches over its own handshake.
    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private static readonly byte[] Http1Answer =
    [
        .. "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"u8,
        .. "This port speaks gRPC over HTTP/2.\n"u8,
    ];

    private int _connections;

    public async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (Interlocked.Increment(ref _connections) > options.ConnectionsMax)
        {
            Interlocked.Decrement(ref _connections);
            RpcLog.ConnectionRefused(
                logger, connection.RemoteEndPoint?.ToString(), "too many connections on this port");
            return;
        }

        try
        {
            if (await SpeaksInTimeAsync(connection).ConfigureAwait(false))
            {
                await next(connection).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    private async ValueTask<bool> SpeaksInTimeAsync(ConnectionContext connection)
    {
        CancellationToken closing =
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
            ?? CancellationToken.None;
        using CancellationTokenSource source =
            CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed, closing);
        source.CancelAfter(options.FirstBytesTimeout);
        string reason = "silent for too long";
        try
        {
            PipeReader input = connection.Transport.Input;
            (bool isGood, bool isHttp1) = await LookAsync(input, source.Token).ConfigureAwait(false);
            if (isGood)
            {
                return true;
            }

            reason = "not HTTP/2";
            if (isHttp1)
            {
                await connection.Transport.Output.WriteAsync(Http1Answer, source.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // Nothing to answer: the other side is silent or gone.
        }

        RpcLog.ConnectionRefused(logger, connection.RemoteEndPoint?.ToString(), reason);
        return false;
    }

    /// <summary>Looks at the first bytes without taking them: what follows reads them again.</summary>
    private async ValueTask<(bool IsGood, bool IsHttp1)> LookAsync(
        PipeReader input, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlySequence<byte> first = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, Preface.Length));
            int length = (int)first.Length;
            bool isSoFarGood = isTls || first.ToArray().AsSpan().SequenceEqual(Preface.AsSpan(0, length));
            bool isEnough = length >= (isTls ? 1 : Preface.Length);
            if (!isSoFarGood || isEnough || result.IsCompleted)
            {
                bool isHttp1 = length > 0 && char.IsAsciiLetterUpper((char)first.FirstSpan[0]);
                input.AdvanceTo(result.Buffer.Start);
                return (isSoFarGood && isEnough, isHttp1);
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
