using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Kv.Base;
using Kv.Rpc.Wire;

namespace Kv.Rpc.Client;

/// <summary>
/// One call from its request to its status. Turns every way a call can end into OK or an <see cref="RpcException"/>.
/// Sending and receiving may run side by side; each is for one thread at a time.
/// </summary>
internal sealed class ClientCall<TResponse> : IDisposable
    where TResponse : class, IMessage<TResponse>
{
    // A write that failed waits this long for the status that explains it.
    private static readonly TimeSpan SendFailureGrace = TimeSpan.FromSeconds(1);

    private static readonly StreamPipeReaderOptions ReaderOptions = new(
        bufferSize: 32 * 1024, minimumReadSize: 4 * 1024);

    private readonly GrpcChannel _channel;
    private readonly MessageParser<TResponse> _parser;
    private readonly CancellationToken _callerToken;
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource _source;
    private readonly TimeSpan? _timeout;
    private readonly HttpRequestMessage _request;
    private Task<HttpResponseMessage>? _sending;
    private HttpResponseMessage? _response;
    private FrameReader? _reader;
    private bool _isEnded;
    private int _isDisposed;

    // Set once by whichever of reader and writer fails first; read by both.
    private RpcException? _failure;

    public ClientCall(
        GrpcChannel channel, string path, MessageParser<TResponse> parser, HttpContent content, CallOptions options,
        CancellationToken cancellationToken)
    {
        _channel = channel;
        _parser = parser;
        _callerToken = cancellationToken;
        _timeout = options.Timeout;
        _request = new HttpRequestMessage(HttpMethod.Post, new Uri(channel.Address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.TryAddWithoutValidation("content-type", GrpcHeaders.ContentType);
        HttpRequestHeaders headers = _request.Headers;
        headers.Host = channel.Options.Tls?.ServerName;
        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("user-agent", GrpcChannel.UserAgent);
        headers.TryAddWithoutValidation(GrpcHeaders.AcceptEncoding, MessageEncodings.Accepted);
        if (options.CompressRequests)
        {
            headers.TryAddWithoutValidation(GrpcHeaders.Encoding, MessageEncodings.Gzip);
        }

        ClientHeaders.Add(options.Headers, headers);
        if (_timeout is { } timeout)
        {
            headers.TryAddWithoutValidation(GrpcHeaders.Timeout, TimeoutHeader.Format(timeout));
            _deadline = new CancellationTokenSource(TimeoutHeader.Clamp(timeout), channel.Options.Time);
        }

        _source = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, _deadline?.Token ?? CancellationToken.None);
    }

    /// <summary>Cancelled by the caller, by the deadline, and when the call is disposed.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Starts sending; must be called once, first.</summary>
    public void Start()
    {
        Invariant.Require(_sending is null);
        _sending = _timeout is { } timeout && timeout <= TimeSpan.Zero
            ? Task.FromCanceled<HttpResponseMessage>(_deadline!.Token)
            : _channel.SendAsync(_request, _source.Token);
    }

    /// <summary>Waits for a streaming call's request stream, or throws what kept it from coming up.</summary>
    public async Task<Stream> OpenRequestsAsync(StreamingContent content)
    {
        Invariant.Require(_sending is not null);
        await Task.WhenAny(content.Opened, _sending).ConfigureAwait(false);
        if (content.Opened.IsCompleted)
        {
            return await content.Opened.ConfigureAwait(false);
        }

        await ReceiveHeadersAsync(CancellationToken.None).ConfigureAwait(false);
        if (!ClientHeaders.HasStatus(_response!.Headers))
        {
            // A server may send its headers before it has read anything: they can overtake the opening of our side.
            try
            {
                return await content.Opened.WaitAsync(_source.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not InvariantViolationException)
            {
                throw Fail(ToRpcException(e));
            }
        }

        // An answer before the request: a status, or nothing that gRPC knows.
        End();
        throw Fail(new RpcException(StatusCode.Internal, "the call ended with OK before its first request"));
    }

    /// <summary>The response headers, once the server has sent them; empty when it sent only a status.</summary>
    public async Task<Metadata> GetHeadersAsync()
    {
        await ReceiveHeadersAsync(CancellationToken.None).ConfigureAwait(false);
        HttpResponseHeaders headers = _response!.Headers;
        return ClientHeaders.HasStatus(headers) ? Metadata.Empty : ClientHeaders.ToMetadata(headers);
    }

    /// <summary>The trailers of a call that has ended.</summary>
    public Metadata GetTrailers()
    {
        if (!_isEnded)
        {
            throw new InvalidOperationException("trailers come with the end of the call; read all responses first");
        }

        return _failure?.Trailers ?? ClientHeaders.ToMetadata(StatusPlace(_response!));
    }

    /// <summary>The next response; null when the call has ended with OK.</summary>
    public async ValueTask<TResponse?> ReadAsync(CancellationToken cancellationToken)
    {
        if (_isEnded)
        {
            return _failure is null ? null : throw _failure;
        }

        try
        {
            await ReceiveHeadersAsync(cancellationToken).ConfigureAwait(false);
            TResponse? message = await ReadMessageAsync(cancellationToken).ConfigureAwait(false);
            if (message is null)
            {
                End();
            }

            return message;
        }
        catch (OperationCanceledException e) when (
            cancellationToken.IsCancellationRequested && !_source.IsCancellationRequested)
        {
            // Half a message may be read already, so the call cannot go on.
            throw Fail(new RpcException(StatusCode.Cancelled, "the read was cancelled", trailers: null, e));
        }
        catch (Exception e) when (e is not InvariantViolationException)
        {
            throw Fail(ToRpcException(e));
        }
    }

    /// <summary>Reads the only response and the status.</summary>
    public async ValueTask<TResponse> ReadSingleAsync()
    {
        TResponse message = await ReadAsync(CancellationToken.None).ConfigureAwait(false)
            ?? throw Fail(new RpcException(StatusCode.Internal, "the call ended with OK but without a response"));
        return await ReadAsync(CancellationToken.None).ConfigureAwait(false) is null
            ? message
            : throw Fail(new RpcException(StatusCode.Internal, "the call brought more than one response"));
    }

    /// <summary>What a failure to send means: the server's own status when it has sent one, else the transport's
    /// cause.</summary>
    public async ValueTask<RpcException> ToSendFailureAsync(Exception cause)
    {
        if (_failure is { } known)
        {
            return known;
        }

        if (cause is RpcException rpc)
        {
            return rpc;
        }

        try
        {
            HttpResponseMessage response = await _sending!.WaitAsync(
                SendFailureGrace, CancellationToken.None).ConfigureAwait(false);
            if (ClientHeaders.StatusOf(response.Headers) is { } status && status.Code != StatusCode.Ok)
            {
                return new RpcException(status.Code, status.Detail, ClientHeaders.ToMetadata(response.Headers), cause);
            }

            return ToRpcException(cause);
        }
        catch (TimeoutException)
        {
            return ToRpcException(cause);
        }
        catch (Exception e) when (e is not InvariantViolationException)
        {
            return ToRpcException(e);
        }
    }

    /// <summary>Ends the call; one still under way is cancelled, on the server too.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1)
        {
            return;
        }

        if (!_isEnded)
        {
            _source.Cancel();
        }

        _ = _sending?.ContinueWith(
            static (sending, call) => ((ClientCall<TResponse>)call!).Release(sending), this, CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private static HttpHeaders StatusPlace(HttpResponseMessage response) =>
        ClientHeaders.HasStatus(response.Headers) ? response.Headers : response.TrailingHeaders;

    private void Release(Task<HttpResponseMessage> sending)
    {
        if (sending.IsCompletedSuccessfully)
        {
            sending.GetAwaiter().GetResult().Dispose();
        }
        else
        {
            _ = sending.Exception;
        }

        _request.Dispose();
        _source.Dispose();
        _deadline?.Dispose();
    }

    private async ValueTask ReceiveHeadersAsync(CancellationToken cancellationToken)
    {
        if (_reader is not null)
        {
            return;
        }

        HttpResponseMessage response;
        try
        {
            response = await _sending!.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is not InvariantViolationException)
        {
            throw Fail(ToRpcException(e));
        }

        _response = response;
        if (!ClientHeaders.HasStatus(response.Headers))
        {
            CheckHttpAnswer(response);
        }

        string? encodingText = ClientHeaders.Value(response.Headers, GrpcHeaders.Encoding);
        MessageEncoding encoding = MessageEncodings.Parse(encodingText)
            ?? throw Fail(new RpcException(
                StatusCode.Internal, $"the response's grpc-encoding '{encodingText}' is none of identity, gzip"));
        Stream body = await response.Content.ReadAsStreamAsync(CancellationToken.None).ConfigureAwait(false);
        _reader = new FrameReader(
            PipeReader.Create(body, ReaderOptions), _channel.Options.ReceiveMessageBytesMax, encoding);
    }

    private void CheckHttpAnswer(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw Fail(new RpcException(
                StatusMapping.FromHttpStatus(response.StatusCode),
                $"{_channel.Address.Authority} answered with HTTP status {(int)response.StatusCode}"));
        }

        string? contentType = ClientHeaders.Value(response.Content.Headers, "content-type");
        if (!GrpcHeaders.IsGrpc(contentType))
        {
            throw Fail(new RpcException(
                StatusCode.Unknown,
                $"{_channel.Address.Authority} answered with content-type '{contentType}', which is no gRPC"));
        }
    }

    private async ValueTask<TResponse?> ReadMessageAsync(CancellationToken cancellationToken)
    {
        if (!cancellationToken.CanBeCanceled || cancellationToken == _callerToken)
        {
            return await _reader!.ReadAsync(_parser, _source.Token).ConfigureAwait(false);
        }

        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, _source.Token);
        return await _reader!.ReadAsync(_parser, linked.Token).ConfigureAwait(false);
    }

    /// <summary>The body is at its end: the status is in the trailers, or in the headers of an answer without
    /// body.</summary>
    private void End()
    {
        HttpHeaders place = StatusPlace(_response!);
        if (ClientHeaders.StatusOf(place) is not { } status)
        {
            throw Fail(new RpcException(StatusCode.Internal, "the call ended without a grpc-status"));
        }

        if (status.Code != StatusCode.Ok)
        {
            throw Fail(new RpcException(status.Code, status.Detail, ClientHeaders.ToMetadata(place)));
        }

        _isEnded = true;
    }

    private RpcException Fail(RpcException failure)
    {
        RpcException first = Interlocked.CompareExchange(ref _failure, failure, comparand: null) ?? failure;
        if (!_isEnded)
        {
            _isEnded = true;
            try
            {
                // What is left of the answer is of no use: let the server stop.
                _source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The call was disposed, and so cancelled, while a read was under way.
            }
        }

        return first;
    }

    private RpcException ToRpcException(Exception e)
    {
        if (_failure is { } known)
        {
            return known;
        }

        if (e is RpcException rpc)
        {
            return rpc;
        }

        if (_callerToken.IsCancellationRequested)
        {
            return new RpcException(StatusCode.Cancelled, "the caller cancelled the call", trailers: null, e);
        }

        if (_timeout is { } timeout && (timeout <= TimeSpan.Zero || _deadline!.IsCancellationRequested))
        {
            return new RpcException(
                StatusCode.DeadlineExceeded,
                $"the call did not end within {timeout.TotalMilliseconds:0} ms",
                trailers: null,
                e);
        }

        return _isDisposed == 1
            ? new RpcException(StatusCode.Cancelled, "the call was disposed", trailers: null, e)
            : StatusMapping.FromTransport(e, _channel.Address);
    }
}
