// Owns the three ports, each with a Kestrel of its own: clients can use up their connections without touching the
// stores'.
using System.Net;
using Kv.Rpc.Server;
using Kv.Rpc.Services;
using Kv.Server.Http;
using Kv.Server.Options;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Hosting;

internal sealed class Listeners : IAsyncDisposable
{
    /// <summary>A message between stores: a batch of appends with room to spare.</summary>
    private const int PeerMessageBytesMax = 96 * 1024 * 1024;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(2);

    private readonly List<GrpcServer> _grpc = [];
    private WebApplication? _http;

    public async Task ListenPeerAsync(ServerOptions options, GrpcServiceBinding[] services, ILoggerFactory loggers)
    {
        var port = new GrpcPort
        {
            EndPoint = options.ListenPeer,
            Services = services,
            Options = new GrpcPortOptions { ReceiveMessageBytesMax = PeerMessageBytesMax },
        };
        _grpc.Add(await BindAsync("listen.peer", options.ListenPeer, () =>
            GrpcServer.StartAsync([port], loggers: loggers)));
    }

    public async Task ListenClientAsync(
        ServerOptions options, GrpcServiceBinding[] services, HealthService health, ILoggerFactory loggers)
    {
        GrpcServiceBinding[] all = [.. services, health.Bind()];
        var port = new GrpcPort
        {
            EndPoint = options.ListenClient,
            Services = [.. all, .. ReflectionService.Bind(all)],
            Options = new GrpcPortOptions { ReceiveMessageBytesMax = options.Store.Limits.MessageBytesMax },
        };
        _grpc.Add(await BindAsync("listen.client", options.ListenClient, () =>
            GrpcServer.StartAsync([port], loggers: loggers)));
    }

    public async Task ListenHttpAsync(ServerOptions options, HttpEndpoints endpoints, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Listen(options.ListenHttp, static listen => listen.Protocols = HttpProtocols.Http1);
        });
        WebApplication application = builder.Build();
        application.Run(endpoints.HandleAsync);
        await BindAsync("listen.http", options.ListenHttp, async () =>
        {
            await application.StartAsync();
            return application;
        });
        _http = application;
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopPatience);
        foreach (GrpcServer server in Enumerable.Reverse(_grpc))
        {
            await server.StopAsync(patience.Token);
            await server.DisposeAsync();
        }

        if (_http is not null)
        {
            await _http.StopAsync(patience.Token);
            await _http.DisposeAsync();
        }
    }

    private static async Task<T> BindAsync<T>(string key, IPEndPoint point, Func<Task<T>> start)
    {
        try
        {
            return await start();
        }
        catch (IOException e)
        {
            string why = e.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException
                ? "is in use by another process: stop it or choose another port"
                : $"cannot be listened on: {e.Message}";
            throw new StartException(ExitCode.Environment, $"{key} {SettingText.Format(point)} {why}");
        }
        catch (System.Net.Sockets.SocketException e)
        {
            throw new StartException(
                ExitCode.Environment, $"{key} {SettingText.Format(point)} cannot be listened on: {e.Message}");
        }
    }
}
