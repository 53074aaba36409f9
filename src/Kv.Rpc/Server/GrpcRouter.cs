using System.Collections.Frozen;
using Kv.Rpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kv.Rpc.Server;

/// <summary>
/// Answers HTTP/2 requests with the handlers of a set of services: checks the request, runs the handler under deadline
/// and cancellation, and ends every call with a status. Nothing a client sends, and nothing a handler throws, gets past
/// it. Safe for use by several threads.
/// </summary>
public sealed class GrpcRouter : IDisposable
{
    private readonly FrozenDictionary<string, MethodHandler> _methods;
    private readonly FrozenSet<string> _services;
    private readonly GrpcPortOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Throws <see cref="ArgumentException"/> when two bindings are of one service.</summary>
    public GrpcRouter(IEnumerable<GrpcServiceBinding> services, GrpcPortOptions options, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(services);
        _options = options;
        _logger = logger;
        Dictionary<string, MethodHandler> methods = new(StringComparer.Ordinal);
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (GrpcServiceBinding service in services)
        {
            if (!names.Add(service.Descriptor.FullName))
            {
                throw new ArgumentException(
                    $"service {service.Descriptor.FullName} is bound twice on one port", nameof(services));
            }

            foreach (MethodHandler method in service.Handlers)
            {
                methods.Add(method.Path, method);
            }
        }

        _methods = methods.ToFrozenDictionary(StringComparer.Ordinal);
        _services = names.ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>Ends the streaming calls under way with UNAVAILABLE, and any that starts later; unary calls go
    /// on.</summary>
    public void StopStreams() => _stopping.Cancel();

    public void Dispose() => _stopping.Dispose();

    /// <summary>Answers one request.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        HttpRequest request = http.Request;
        if (RefuseAsHttp(http))
        {
            return Task.CompletedTask;
        }

        if (!_methods.TryGetValue(request.Path.Value ?? "", out MethodHandler? method))
        {
            StatusAnswer.TrailersOnly(http, StatusCode.Unimplemented, UnknownPathText(request.Path.Value ?? ""));
            return Task.CompletedTask;
        }

        if (MessageEncodings.Parse(request.Headers.GrpcEncoding) is not { } encoding)
        {
            http.Response.Headers.GrpcAcceptEncoding = MessageEncodings.Accepted;
            StatusAnswer.TrailersOnly(http, StatusCode.Unimplemented, "grpc-encoding is none of identity, gzip");
            return Task.CompletedTask;
        }

        TimeSpan? timeout = null;
        string? timeoutText = request.Headers.GrpcTimeout;
        if (timeoutText is not null)
        {
            if (!TimeoutHeader.TryParse(timeoutText, out TimeSpan parsed))
            {
                StatusAnswer.TrailersOnly(
                    http, StatusCode.Internal, "grpc-timeout is not one to eight digits and a unit of HMSmun");
                return Task.CompletedTask;
            }

            if (parsed == TimeSpan.Zero)
            {
                StatusAnswer.TrailersOnly(
                    http, StatusCode.DeadlineExceeded, "the deadline passed before the call arrived");
                return Task.CompletedTask;
            }

            timeout = parsed;
        }

        return RunAsync(http, method, encoding, timeout);
    }

    /// <summary>What is no gRPC request at all is answered in plain HTTP.</summary>
    private static bool RefuseAsHttp(HttpContext http)
    {
        HttpRequest request = http.Request;
        if (!HttpProtocol.IsHttp2(request.Protocol))
        {
            http.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            http.Response.Headers.Upgrade = "h2c";
            return true;
        }

        if (!HttpMethods.IsPost(request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "POST";
            return true;
        }

        if (!GrpcHeaders.IsGrpc(request.ContentType))
        {
            http.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            http.Response.Headers.Accept = GrpcHeaders.ContentType;
            return true;
        }

        // A proxy that drops this header would drop the trailers with the status too.
        if (!request.Headers.TE.ToString().Contains("trailers", StringComparison.OrdinalIgnoreCase))
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            StatusAnswer.TrailersOnly(http, StatusCode.Internal, "the request has no 'te: trailers'");
            return true;
        }

        return false;
    }

    private async Task RunAsync(HttpContext http, MethodHandler method, MessageEncoding encoding, TimeSpan? timeout)
    {
        using GrpcCallContext context = new(http, _options, method, encoding, timeout, _stopping.Token)
        {
            CompressResponses = _options.CompressResponses,
        };
        context.LimitBody();
        try
        {
            await method.InvokeAsync(context).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Every failure of a handler becomes a status.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Fail(context, failure);
            return;
        }

        if (context.IsDeadlinePassed)
        {
            StatusAnswer.End(context, StatusCode.DeadlineExceeded, "the deadline passed");
            return;
        }

        context.PrepareHeaders();
        StatusAnswer.End(context, StatusCode.Ok, "");
    }

    private void Fail(GrpcCallContext context, Exception failure)
    {
        if (context.Http.RequestAborted.IsCancellationRequested)
        {
            RpcLog.CallAborted(_logger, context.MethodPath);
            return;
        }

        if (context.IsDeadlinePassed)
        {
            StatusAnswer.End(context, StatusCode.DeadlineExceeded, "the deadline passed");
            return;
        }

        switch (failure)
        {
            case RpcException rpc:
                StatusAnswer.End(context, rpc.StatusCode, rpc.Detail, rpc.Trailers);
                break;
            case OperationCanceledException when context.IsStopping:
                StatusAnswer.End(context, StatusCode.Unavailable, "the server is stopping");
                break;
            case OperationCanceledException:
                StatusAnswer.End(context, StatusCode.Cancelled, "the call was cancelled");
                break;
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                StatusAnswer.End(context, StatusCode.ResourceExhausted, "the request body is over the limit");
                break;
            case BadHttpRequestException:
                StatusAnswer.End(context, StatusCode.Internal, "the request body is malformed or comes too slowly");
                break;
            default:
                RpcLog.HandlerFailed(_logger, context.MethodPath, failure);
                StatusAnswer.End(context, StatusCode.Unknown, "the handler failed; the server's log says why");
                break;
        }
    }

    private string UnknownPathText(string path)
    {
        int slash = path.LastIndexOf('/');
        string service = slash > 0 ? path[1..slash] : "";
        return _services.Contains(service) ? $"service {service} has no such method" : "no such service on this port";
    }
}
