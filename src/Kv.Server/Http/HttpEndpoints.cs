// Owns the HTTP port: health, readiness, status and metrics. Read-only. Requests that name a foreign host are refused,
// so that a page in a browser cannot reach a store on loopback by a name of its own (DNS rebinding).
using System.Net;
using System.Text;
using System.Text.Json;
using Kv.Server.Hosting;
using Kv.Server.Metrics;
using Kv.Server.Options;
using Kv.Store;
using Microsoft.AspNetCore.Http;

namespace Kv.Server.Http;

internal sealed class HttpEndpoints(
    ServerOptions options,
    string folder,
    Readiness readiness,
    Func<ServingStore?> serving,
    ServerMetrics metrics,
    MetricsCollector collector)
{
    private const string Plain = "text/plain; charset=utf-8";

    public Task HandleAsync(HttpContext http)
    {
        if (!IsOurHost(http.Request.Host.Host))
        {
            return WriteAsync(http, StatusCodes.Status421MisdirectedRequest, Plain,
                "this is a KvStore status port, not that host\n");
        }

        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            return WriteAsync(http, StatusCodes.Status405MethodNotAllowed, Plain, "only GET\n");
        }

        return http.Request.Path.Value switch
        {
            "/healthz" => WriteAsync(http, StatusCodes.Status200OK, Plain, "ok\n"),
            "/readyz" => ReadyAsync(http),
            "/status" => StatusAsync(http),
            "/metrics" => MetricsAsync(http),
            "/" => WriteAsync(http, StatusCodes.Status200OK, Plain, "/healthz /readyz /status /metrics\n"),
            _ => WriteAsync(http, StatusCodes.Status404NotFound, Plain,
                "no such page: /healthz /readyz /status /metrics\n"),
        };
    }

    private bool IsOurHost(string host) =>
        host.Length == 0
        || host == "localhost"
        || IPAddress.TryParse(host.Trim('[', ']'), out _)
        || options.HttpAddress.StartsWith(host + ":", StringComparison.OrdinalIgnoreCase);

    private Task ReadyAsync(HttpContext http) => readiness.WhyNot is { } why
        ? WriteAsync(http, StatusCodes.Status503ServiceUnavailable, Plain, why + "\n")
        : WriteAsync(http, StatusCodes.Status200OK, Plain, "ready\n");

    private async Task MetricsAsync(HttpContext http)
    {
        await metrics.RefreshAsync();
        await WriteAsync(http, StatusCodes.Status200OK, "text/plain; version=0.0.4; charset=utf-8", collector.Render());
    }

    private async Task StatusAsync(HttpContext http)
    {
        ServingStore? store = serving();
        StoreStatus? status = store is null ? null : await store.StatusAsync(TimeSpan.FromSeconds(1));
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("version", ProductVersion.Current);
            json.WriteString("runtime", Environment.Version.ToString());
            json.WriteNumber("processId", Environment.ProcessId);
            json.WriteString("state", readiness.WhyNot ?? "serving");
            json.WriteString("clusterId", store?.Identity.Cluster.ToString());
            json.WriteNumber("storeId", store?.Identity.Self.Id ?? 0);
            json.WriteNumber("incarnation", store?.Identity.Self.Incarnation ?? 0);
            json.WriteString("client", options.ClientAddress);
            json.WriteString("peer", options.PeerAddress);
            json.WriteString("http", options.HttpAddress);
            json.WriteString("folder", folder);
            json.WriteString("engine", options.Engine == EngineKind.Memory ? "memory" : "rocksdb");
            if (store is not null && status is not null)
            {
                WriteStore(json, store, status);
            }

            json.WriteEndObject();
        }

        await WriteAsync(
            http, StatusCodes.Status200OK, "application/json", Encoding.UTF8.GetString(bytes.ToArray()) + "\n");
    }

    private static void WriteStore(Utf8JsonWriter json, ServingStore store, StoreStatus status)
    {
        json.WriteStartObject("regions");
        json.WriteNumber("count", status.RegionCount);
        json.WriteNumber("led", status.LeaderCount);
        json.WriteNumber("awake", status.AwakeCount);
        json.WriteStartArray("stopped");
        foreach ((ulong region, string reason) in status.Stopped)
        {
            json.WriteStartObject();
            json.WriteNumber("region", region);
            json.WriteString("reason", reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartObject("log");
        json.WriteNumber("bytes", status.LogBytes);
        json.WriteNumber("bytesMax", status.LogBytesMax);
        json.WriteNumber("syncs", status.LogSyncCount);
        json.WriteEndObject();
        json.WriteNumber("placementStore", status.SystemLeaderStore);
        json.WriteNumber("commands", status.CommandCount);
        json.WriteNumber("leaseReads", status.LeaseReadCount);
        json.WriteNumber("indexReads", status.IndexReadCount);
        json.WriteNumber("diskReads", status.DiskReadCount);
        json.WriteNumber("proposalBytes", status.ProposalBytes);
        json.WriteNumber("droppedMessages", status.DroppedMessageCount);
        json.WriteNumber("heartbeatsWithheld", status.HeartbeatsWithheldCount);
        json.WriteNumber("freeBytes", store.FreeBytes);
    }

    private static Task WriteAsync(HttpContext http, int code, string type, string text)
    {
        http.Response.StatusCode = code;
        http.Response.ContentType = type;
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        http.Response.ContentLength = bytes.Length;
        return HttpMethods.IsHead(http.Request.Method)
            ? Task.CompletedTask
            : http.Response.Body.WriteAsync(bytes, http.RequestAborted).AsTask();
    }
}
