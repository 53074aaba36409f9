using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Kv.Rpc.Client;

/// <summary>
/// Calls one address, <c>http://</c> (HTTP/2 in the clear) or <c>https://</c>. Each channel has a connection of its
/// own, opened by the first call and again after it was lost. Every failure of a call is an <see cref="RpcException"/>,
/// the caller's own cancellation too. Safe for use by several threads.
/// </summary>
public sealed class GrpcChannel : IDisposable
{
    internal const string UserAgent = "grpc-csharp-kv/0.1.0";

    private readonly HttpMessageInvoker _invoker;

    /// <summary>Throws <see cref="ArgumentException"/> for an address that is not of the form http://name:port or
    /// https://name:port.</summary>
    public GrpcChannel(Uri address, GrpcChannelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https") || address.PathAndQuery != "/")
        {
            throw new ArgumentException(
                $"'{address}' is no address of the form http://name:port or https://name:port", nameof(address));
        }

        Address = address;
        Options = options ?? new GrpcChannelOptions();
        _invoker = new HttpMessageInvoker(ChannelHandler.Create(address, Options));
    }

    public Uri Address { get; }

    public GrpcChannelOptions Options { get; }

    /// <summary>One request, one response.</summary>
    public async ValueTask<TResponse> CallUnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CallOptions? options = null,
        CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(method);
        method.RequireKind(isClientStreaming: false, isServerStreaming: false);
        using ClientCall<TResponse> call = StartWithOneRequest(method, request, options, cancellationToken);
        return await call.ReadSingleAsync().ConfigureAwait(false);
    }

    /// <summary>One request, one response, with the metadata that came with it.</summary>
    public async ValueTask<GrpcAnswer<TResponse>> CallUnaryWithMetadataAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CallOptions? options = null,
        CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(method);
        method.RequireKind(isClientStreaming: false, isServerStreaming: false);
        using ClientCall<TResponse> call = StartWithOneRequest(method, request, options, cancellationToken);
        TResponse message = await call.ReadSingleAsync().ConfigureAwait(false);
        return new GrpcAnswer<TResponse>(
            message, await call.GetHeadersAsync().ConfigureAwait(false), call.GetTrailers());
    }

    /// <summary>One request, many responses. The call starts when it is enumerated, and is cancelled when the
    /// enumeration is left early.</summary>
    public async IAsyncEnumerable<TResponse> CallServerStreamingAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CallOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(method);
        method.RequireKind(isClientStreaming: false, isServerStreaming: true);
        using ClientCall<TResponse> call = StartWithOneRequest(method, request, options, cancellationToken);
        while (await call.ReadAsync(CancellationToken.None).ConfigureAwait(false) is { } message)
        {
            yield return message;
        }
    }

    /// <summary>Many requests, one response. Completes when the call is on the wire.</summary>
    public async ValueTask<GrpcClientStreamingCall<TRequest, TResponse>> OpenClientStreamingAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        CallOptions? options = null,
        CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(method);
        method.RequireKind(isClientStreaming: true, isServerStreaming: false);
        return new GrpcClientStreamingCall<TRequest, TResponse>(
            await OpenAsync(method, options, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Many requests, many responses. Completes when the call is on the wire; the server may not have answered
    /// yet.</summary>
    public async ValueTask<GrpcDuplexCall<TRequest, TResponse>> OpenDuplexAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        CallOptions? options = null,
        CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(method);
        method.RequireKind(isClientStreaming: true, isServerStreaming: true);
        return new GrpcDuplexCall<TRequest, TResponse>(
            await OpenAsync(method, options, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Ends all calls and closes the connection.</summary>
    public void Dispose() => _invoker.Dispose();

    internal Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        _invoker.SendAsync(request, cancellationToken);

    private ClientCall<TResponse> StartWithOneRequest<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        TRequest request,
        CallOptions? options,
        CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        ArgumentNullException.ThrowIfNull(request);
        options ??= CallOptions.Default;
        int size = request.CalculateSize();
        if (size > Options.SendMessageBytesMax)
        {
            throw new RpcException(
                StatusCode.ResourceExhausted,
                $"a request of {size} bytes is over the limit of {Options.SendMessageBytesMax} bytes");
        }

        UnaryContent content = new(request, options.CompressRequests);
        ClientCall<TResponse> call = new(this, method.Path, method.ResponseParser, content, options, cancellationToken);
        call.Start();
        return call;
    }

    private async ValueTask<StreamingCall<TRequest, TResponse>> OpenAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, CallOptions? options, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        options ??= CallOptions.Default;
        StreamingContent content = new();
        ClientCall<TResponse> call = new(this, method.Path, method.ResponseParser, content, options, cancellationToken);
        try
        {
            call.Start();
            Stream requests = await call.OpenRequestsAsync(content).ConfigureAwait(false);
            RequestWriter<TRequest, TResponse> writer = new(
                call, requests, Options.SendMessageBytesMax, options.CompressRequests);
            return new StreamingCall<TRequest, TResponse>(call, content, writer);
        }
        catch
        {
            call.Dispose();
            throw;
        }
    }
}
