using Google.Protobuf;
using Kv.Engine.RocksDb;
using Kv.Protocol.V1;
using Kv.Rpc;
using Kv.Rpc.Client;
using Kv.Server.Hosting;
using Kv.Server.Logging;
using Kv.Server.Options;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Tests;

/// <summary>A whole kvserver inside the test process.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    public static readonly GrpcMethod<GetRequest, GetResponse> Get = new(KvReflection.Descriptor.Services[0], "Get");
    public static readonly GrpcMethod<PutRequest, WriteResponse> Put = new(KvReflection.Descriptor.Services[0], "Put");

    public static readonly GrpcMethod<InitRequest, InitResponse> Init =
        new(AdminReflection.Descriptor.Services[0], "Init");

    public static readonly GrpcMethod<ClusterStatusRequest, ClusterStatusResponse> ClusterStatus =
        new(AdminReflection.Descriptor.Services[0], "ClusterStatus");

    private readonly CancellationTokenSource _stop = new();
    private readonly StringWriter _written = new();
    private readonly LogOutput _output;
    private readonly ILoggerFactory _loggers;

    public RunningServer(string data, string[] addresses, params string[] more)
    {
        string[] arguments =
        [
            "--data", data, "--listen-client", addresses[0], "--listen-peer", addresses[1], "--listen-http",
                addresses[2],
            .. more,
        ];
        Options = OptionsReader.Read(CommandLine.Parse(arguments), new System.Collections.Hashtable());
        _output = new LogOutput(TextWriter.Synchronized(_written));
        _loggers = LoggerFactory.Create(builder => builder.AddProvider(
            new StderrLoggerProvider(_output, LogLevel.Information, asJson: false, TimeProvider.System)));
        Channel = new GrpcChannel(new Uri($"http://{addresses[0]}"));
        Running = Task.Run(() => ServerProcess.RunAsync(Options, _loggers, _stop.Token));
    }

    public ServerOptions Options { get; }

    public GrpcChannel Channel { get; }

    /// <summary>The exit code, or the refusal.</summary>
    public Task<int> Running { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static void SkipWithoutRocksDb()
    {
        bool loaded = RocksDbLibrary.TryLoad(out string? reason);
        Assert.SkipWhen(!loaded, reason ?? "librocksdb is missing");
    }

    /// <summary>Puts until it is taken: leaders must be elected first.</summary>
    public async Task PutAsync(string key, string value)
    {
        await UntilAsync(async () =>
        {
            var request = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value) };
            WriteResponse response = await Channel.CallUnaryAsync(Put, request, cancellationToken: Token);
            return response.RegionError?.ToString();
        });
    }

    public async Task<string?> GetAsync(string key)
    {
        string? value = null;
        await UntilAsync(async () =>
        {
            GetResponse response = await Channel.CallUnaryAsync(
                Get, new GetRequest { Key = ByteString.CopyFromUtf8(key) }, cancellationToken: Token);
            value = response.Found ? response.Value.ToStringUtf8() : null;
            return response.RegionError?.ToString();
        });
        return value;
    }

    public async Task<ClusterStatusResponse> StatusAsync()
    {
        ClusterStatusResponse? status = null;
        await UntilAsync(async () =>
        {
            status = await Channel.CallUnaryAsync(ClusterStatus, new ClusterStatusRequest(), cancellationToken: Token);
            return status.Complete && status.RegionsWithoutLeader == 0 ? null : status.ToString();
        });
        return status!;
    }

    public async Task<(int Code, string Body)> HttpAsync(string path)
    {
        using var http = new HttpClient();
        using HttpResponseMessage response = await http.GetAsync(new Uri($"http://{Options.HttpAddress}{path}"), Token);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Token));
    }

    /// <summary>
    /// Asks until the answer is null; the last answer is told when patience ends, or why the server ended.
    /// </summary>
    public async Task UntilAsync(Func<Task<string?>> ask)
    {
        string? last = null;
        for (DateTime end = DateTime.UtcNow.AddSeconds(60); DateTime.UtcNow < end;)
        {
            if (Running.IsCompleted)
            {
                Assert.Fail($"the server ended with {await Running}\n{_written}");
            }

            try
            {
                last = await ask();
                if (last is null)
                {
                    return;
                }
            }
            catch (Exception e) when (e is RpcException or HttpRequestException)
            {
                last = e.Message;
            }

            await Task.Delay(50, Token);
        }

        Assert.Fail($"{last}\n{_written}");
    }

    public async Task<int> StopAsync()
    {
        await _stop.CancelAsync();
        return await Running.WaitAsync(TimeSpan.FromSeconds(60), Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await ((Task)Running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Channel.Dispose();
        _loggers.Dispose();
        _output.Dispose();
        _stop.Dispose();
    }
}
