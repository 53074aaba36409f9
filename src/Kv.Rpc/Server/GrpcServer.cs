using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Rpc.Server;

/// <summary>A Kestrel that serves gRPC ports and nothing else. For ports beside other endpoints see
/// <see cref="GrpcKestrelExtensions"/>.</summary>
public sealed class GrpcServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private GrpcServer(WebApplication application, IReadOnlyList<GrpcPort> ports) =>
        (_application, Ports) = (application, ports);

    public IReadOnlyList<GrpcPort> Ports { get; }

    /// <summary>Listens on every port, or throws <see cref="IOException"/> naming the address that could not be
    /// had.</summary>
    public static async Task<GrpcServer> StartAsync(
        IReadOnlyList<GrpcPort> ports, GrpcHttp2Options? http2 = null, ILoggerFactory? loggers = null,
        CancellationToken cancellationToken = default)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers ?? NullLoggerFactory.Instance);
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, LargeBlockPoolFactory>();
        builder.WebHost.UseSockets(static sockets =>
        {
            // Handlers only hand messages over and never block, so a message is parsed on the thread that received it.
            sockets.UnsafePreferInlineScheduling = true;
            sockets.WaitForDataBeforeAllocatingBuffer = false;
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureGrpc(http2 ?? new GrpcHttp2Options());
            foreach (GrpcPort port in ports)
            {
                kestrel.ListenGrpc(port);
            }
        });
        WebApplication application = builder.Build();
        application.UseGrpc();
        try
        {
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return new GrpcServer(application, ports);
    }

    /// <summary>Takes no new connections and calls, ends streams with UNAVAILABLE, lets unary calls finish until
    /// <paramref name="cancellationToken"/> is cancelled, then closes all connections.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => _application.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource grace = new(TimeSpan.FromSeconds(5));
        await StopAsync(grace.Token).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }
}
