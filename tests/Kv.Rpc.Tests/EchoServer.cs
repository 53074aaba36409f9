using System.Net;
using Kv.Rpc.Client;
using Kv.Rpc.Server;

namespace Kv.Rpc.Tests;

/// <summary>The echo service on a free loopback port.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly List<GrpcChannel> _channels = [];
    private readonly GrpcServer _server;

    private EchoServer(GrpcServer server, EchoService echo, CapturingLoggers log) =>
        (_server, Echo, Log) = (server, echo, log);

    public EchoService Echo { get; }

    public CapturingLoggers Log { get; }

    public IPEndPoint EndPoint => _server.Ports[0].BoundEndPoint;

    public Uri Address => new($"http://{EndPoint}");

    public static async Task<EchoServer> StartAsync(
        GrpcPortOptions? options = null, GrpcPortTls? tls = null, IEnumerable<GrpcServiceBinding>? more = null)
    {
        EchoService echo = new();
        CapturingLoggers log = new();
        GrpcPort port = new()
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Services = [echo.Bind(), .. more ?? []],
            Options = options ?? new GrpcPortOptions(),
            Tls = tls,
        };
        GrpcServer server = await GrpcServer.StartAsync(
            [port], loggers: log, cancellationToken: TestContext.Current.CancellationToken);
        return new EchoServer(server, echo, log);
    }

    public GrpcChannel Channel(GrpcChannelOptions? options = null)
    {
        GrpcChannel channel = new(Address, options);
        _channels.Add(channel);
        return channel;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels)
        {
            channel.Dispose();
        }

        await _server.DisposeAsync();
    }
}
