// Owns the client's instruments. Without a listener each costs one check.
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Kv.Client.Core;

/// <summary>
/// Meter and activity source <c>Kv.Client</c>, shared by all clients of a process. Operations:
/// <c>kv.client.duration</c> in milliseconds, by operation (get, exists, multi_get,
/// write, delete_range, scan, routes) and outcome. Waits before another
/// try: <c>kv.client.waits</c>, by kind.
/// </summary>
internal static class ClientMetrics
{
    public const string Name = "Kv.Client";

    public static readonly ActivitySource Activities = new(Name);

    private static readonly Meter Meter = new(Name);

    private static readonly Histogram<double> Duration =
        Meter.CreateHistogram<double>("kv.client.duration", "ms", "Operations from submission to completion.");

    private static readonly Counter<long> Waits =
        Meter.CreateCounter<long>("kv.client.waits", "{wait}", "Waits before an operation was tried again.");

    public static void OnFinished(ClientOperation operation, double ms, Exception? error)
    {
        if (Duration.Enabled)
        {
            Duration.Record(
                ms,
                new KeyValuePair<string, object?>("operation", operation.Kind),
                new KeyValuePair<string, object?>("outcome", OutcomeOf(error)));
        }
    }

    public static void OnWait(BackoffKind kind)
    {
        if (Waits.Enabled)
        {
            Waits.Add(1, new KeyValuePair<string, object?>("kind", kind.ToString()));
        }
    }

    private static string OutcomeOf(Exception? error) => error switch
    {
        null => "ok",
        OperationCanceledException => "cancelled",
        KvUndeterminedException => "undetermined",
        KvBatchException or KvMultiGetException => "partly",
        KvInvalidRequestException => "invalid",
        KvTimeoutException => "timeout",
        KvUnavailableException => "unavailable",
        _ => "failed",
    };
}
