using System.Net;
using System.Security.Cryptography.X509Certificates;
using Kv.Rpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Kv.Rpc.Server;

/// <summary>What a handler knows about its call. Valid until the handler returns; not for use by several threads at
/// once, except <see cref="CancellationToken"/>.</summary>
public sealed class GrpcCallContext : IDisposable
{
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource? _source;
    private readonly long _startTimestamp;
    private Metadata? _requestHeaders;
    private Metadata? _responseHeaders;
    private Metadata? _responseTrailers;
    private bool _areHeadersPrepared;

    internal GrpcCallContext(
        HttpContext http,
        GrpcPortOptions options,
        MethodHandler method,
        MessageEncoding requestEncoding,
        TimeSpan? timeout,
        CancellationToken stopping)
    {
        Http = http;
        Options = options;
        Method = method;
        RequestEncoding = requestEncoding;
        Timeout = timeout;
        _startTimestamp = options.Time.GetTimestamp();
        // Streams may live for days: a server that stops ends them. A unary call is let finish.
        _stopping = method.IsStreaming ? stopping : CancellationToken.None;
        if (timeout is { } t)
        {
            DeadlineSource = new CancellationTokenSource(t, options.Time);
        }

        if (timeout is not null || _stopping.CanBeCanceled)
        {
            _source = CancellationTokenSource.CreateLinkedTokenSource(
                http.RequestAborted, DeadlineSource?.Token ?? CancellationToken.None, _stopping);
        }

        CancellationToken = _source?.Token ?? http.RequestAborted;
        Reader = new FrameReader(http.Request.BodyReader, options.ReceiveMessageBytesMax, requestEncoding);
        Writer = new FrameWriter(http.Response.BodyWriter, options.SendMessageBytesMax);
    }

    /// <summary>The path of the method: <c>/package.Service/Method</c>.</summary>
    public string MethodPath => Method.Path;

    /// <summary>The metadata the client sent.</summary>
    public Metadata RequestHeaders => _requestHeaders ??= HeaderCopy.FromRequest(Http.Request.Headers);

    /// <summary>Metadata to send before the first message; adding to it after that throws
    /// <see cref="InvalidOperationException"/>.</summary>
    public Metadata ResponseHeaders => HasResponseStarted
        ? throw new InvalidOperationException("response headers are already sent; use ResponseTrailers")
        : _responseHeaders ??= new Metadata();

    /// <summary>Metadata to send with the status.</summary>
    public Metadata ResponseTrailers => _responseTrailers ??= new Metadata();

    /// <summary>Cancelled when the client resets the call or goes away, when the deadline passes, and, for calls that
    /// stream, when the server stops.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>What the client allowed in all; null when it set no deadline.</summary>
    public TimeSpan? Timeout { get; }

    /// <summary>What is left of <see cref="Timeout"/>, never below zero; null when there is no deadline.</summary>
    public TimeSpan? Remaining
    {
        get
        {
            if (Timeout is not { } timeout)
            {
                return null;
            }

            TimeSpan left = timeout - Options.Time.GetElapsedTime(_startTimestamp);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>The client's address; null when the transport has none.</summary>
    public IPEndPoint? Peer => Http.Connection.RemoteIpAddress is { } address
        ? new IPEndPoint(address, Http.Connection.RemotePort)
        : null;

    /// <summary>The certificate the client showed; null without TLS or when it showed none.</summary>
    public X509Certificate2? ClientCertificate => Http.Connection.ClientCertificate;

    /// <summary>Whether responses go out in gzip, if the client accepts it. Starts as the port's option says; set it
    /// before the first message.</summary>
    public bool CompressResponses { get; set; }

    internal HttpContext Http { get; }

    internal GrpcPortOptions Options { get; }

    internal MethodHandler Method { get; }

    internal MessageEncoding RequestEncoding { get; }

    internal FrameReader Reader { get; }

    internal FrameWriter Writer { get; }

    internal bool IsDeadlinePassed => DeadlineSource is { IsCancellationRequested: true };

    internal bool IsStopping => _stopping.IsCancellationRequested;

    internal bool HasResponseStarted => _areHeadersPrepared || Http.Response.HasStarted;

    internal Metadata? TrailersOrNull => _responseTrailers;

    private CancellationTokenSource? DeadlineSource { get; }

    /// <summary>Sends the response headers now, before there is a message, for clients that wait for them.</summary>
    public async ValueTask SendResponseHeadersAsync()
    {
        PrepareHeaders();
        await Http.Response.StartAsync(CancellationToken).ConfigureAwait(false);
        // Kestrel keeps the headers back until something is flushed.
        await Http.Response.BodyWriter.FlushAsync(CancellationToken).ConfigureAwait(false);
    }

    /// <summary>Resets the call: nothing that waits for the client is sent any more, and
    /// <see cref="CancellationToken"/> is cancelled. For a client that does not read. Any thread may call it.</summary>
    public void Abort() => Http.Abort();

    void IDisposable.Dispose()
    {
        _source?.Dispose();
        DeadlineSource?.Dispose();
    }

    /// <summary>Sets the response headers, once, before the first byte of the body.</summary>
    internal void PrepareHeaders()
    {
        if (_areHeadersPrepared)
        {
            return;
        }

        _areHeadersPrepared = true;
        IHeaderDictionary headers = Http.Response.Headers;
        headers.ContentType = GrpcHeaders.ContentType;
        if (CompressResponses && MessageEncodings.AcceptsGzip(Http.Request.Headers.GrpcAcceptEncoding))
        {
            headers.GrpcEncoding = MessageEncodings.Gzip;
            Writer.IsCompressing = true;
        }

        HeaderCopy.ToResponse(_responseHeaders, headers);
    }

    /// <summary>Streams may send for ever and be silent for as long as they like; a unary request may not.</summary>
    internal void LimitBody()
    {
        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            long bytesMax = Options.ReceiveMessageBytesMax + (long)FrameReader.PrefixBytes;
            size.MaxRequestBodySize = Method.IsClientStreaming ? null : bytesMax;
        }

        if (Method.IsClientStreaming && Http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }
}
