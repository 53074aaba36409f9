// Owns the list of all settings: what is not here is refused by name. docs/operations.md and config/ list the same
// keys, and a test compares them.
using System.Globalization;
using System.Text;
using Kv.Protocol;
using Kv.Store;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Options;

internal static class SettingTable
{
    private const long Mebi = 1L << 20;
    private const long Gibi = 1L << 30;

    public static readonly IReadOnlyList<Setting> All =
    [
        One("listen.client", "address and port for clients (gRPC)", (o, v) =>
            o with { ListenClient = SettingText.Listen(v) }),
        One("listen.peer", "address and port for other stores (gRPC)", (o, v) =>
            o with { ListenPeer = SettingText.Listen(v) }),
        One("listen.http", "address and port for status and metrics (HTTP)",
            (o, v) => o with { ListenHttp = SettingText.Listen(v) }),
        One("listen.allowPlaintext", "listen beyond loopback without TLS",
            (o, v) => o with { AllowPlaintext = SettingText.Flag(v) }),
        One("advertise.client", "what clients are told to call", (o, v) =>
            o with { AdvertiseClient = SettingText.Address(v) }),
        One("advertise.peer", "what other stores are told to call", (o, v) =>
            o with { AdvertisePeer = SettingText.Address(v) }),
        One("advertise.http", "where status is told to be", (o, v) =>
            o with { AdvertiseHttp = SettingText.Address(v) }),
        One("data", "the store's folder", (o, v) => o with { Data = NotEmpty(v) }),
        One("engine", "rocksdb or memory", (o, v) => o with
        {
            Engine = SettingText.OneOf(v, "rocksdb", "memory") == "memory" ? EngineKind.Memory : EngineKind.RocksDb,
        }),
        Many("cluster.join", "peer addresses of stores to join", (o, v) =>
            o with { Join = [.. v.Select(SettingText.Address)] }),
        One("cluster.founding", "auto: an empty folder founds a cluster of its own; wait: it waits for init",
            (o, v) => o with { WaitForInit = SettingText.OneOf(v, "auto", "wait") == "wait" }),
        Many("cluster.initialSplitKeys", "first region boundaries: keys, or one @file with a key per line",
            (o, v) => o with { InitialSplitKeys = SplitKeys(v) }),
        Many("labels", "name=value labels of this store", (o, v) => o with { Labels = Labels(v) }),
        One("logging.level", "trace, debug, info, warn or error", (o, v) => o with { LogLevel = Level(v) }),
        One("logging.format", "text or json", (o, v) =>
            o with { LogAsJson = SettingText.OneOf(v, "text", "json") == "json" }),
        One("stop.drainMs", "most time a stop waits for leaders to be taken over",
            (o, v) => o with { DrainTimeoutMs = (int)SettingText.Ms(v, 0, 600_000) }),
        One("pipeline.inFlightMax", "requests of one stream under way",
            (o, v) => o with { PipelineInFlightMax = (int)SettingText.Count(v, 1, 1_000_000) }),
        One("pipeline.waitingBytesMax", "answers waiting for a client that does not read",
            (o, v) => o with { PipelineWaitingBytesMax = SettingText.Bytes(v, Mebi, 4 * Gibi) }),
        One("rocksdb.cacheBytes", "block cache", (o, v) =>
            o with { RocksDbCacheBytes = SettingText.Bytes(v, Mebi, 1_024 * Gibi) }),
        One("log.segmentBytes", "length of a raft log segment",
            (o, v) => o with { LogSegmentBytes = (int)SettingText.Bytes(v, 64 << 10, Gibi) }),
        .. Limits(),
        .. StoreSettings(),
    ];

    private static IEnumerable<Setting> Limits() =>
    [
        Limit("limits.keyBytesMax", "longest key", 1, Protocol.Limits.KeyBytesCeiling, static (l, v) =>
            l with { KeyBytesMax = (int)v }),
        Limit("limits.valueBytesMax", "longest value", 1, Protocol.Limits.ValueBytesCeiling,
            static (l, v) => l with { ValueBytesMax = (int)v }),
        Limit("limits.batchBytesMax", "bytes of one write", 1_024, 64 * Mebi, static (l, v) =>
            l with { BatchBytesMax = (int)v }),
        Limit("limits.scanPageBytesMax", "bytes of one page of a scan or multi-get", 1_024, 3 * Mebi,
            static (l, v) => l with { ScanPageBytesMax = (int)v }),
        Limit("limits.messageBytesMax", "largest message on the client port", 64 << 10, 256 * Mebi,
            static (l, v) => l with { MessageBytesMax = (int)v }),
        One("limits.batchCountMax", "mutations of one write", (o, v) =>
            WithLimits(o, l => l with { BatchCountMax = (int)SettingText.Count(v, 1, 1_000_000) })),
        One("limits.multiGetCountMax", "keys of one multi-get", (o, v) =>
            WithLimits(o, l => l with { MultiGetCountMax = (int)SettingText.Count(v, 1, 1_000_000) })),
        One("limits.scanPageRowsMax", "rows of one scan page", (o, v) =>
            WithLimits(o, l => l with { ScanPageRowsMax = (int)SettingText.Count(v, 1, 1_000_000) })),
        One("limits.pipelineCountMax", "requests in one message of a pipeline", (o, v) =>
            WithLimits(o, l => l with { PipelineCountMax = (int)SettingText.Count(v, 1, 1_000_000) })),
    ];

    private static IEnumerable<Setting> StoreSettings() =>
    [
        Time("raft.tickMs", "one tick", 10, 10_000, static (s, v) => s with { TickMs = (int)v }),
        Number("raft.electionTicks", "ticks without a leader before an election", 3, 1_000,
            static (s, v) => s with { ElectionTicks = (int)v }),
        Number("raft.heartbeatTicks", "ticks between a leader's heartbeats", 1, 100,
            static (s, v) => s with { HeartbeatTicks = (int)v }),
        Time("raft.leaseMs", "D of the leader lease; fixed for the cluster when it is founded", 50, 60_000,
            static (s, v) => s with { LeaseMs = v }),
        Time("raft.leaseDriftMs", "allowance for clock drift; fixed like the lease", 5, 10_000,
            static (s, v) => s with { LeaseDriftMs = v }),
        Time("raft.sleepAfterMs", "quiet time after which a region sleeps", 100, 3_600_000,
            static (s, v) => s with { SleepAfterMs = (int)v }),
        Size("raft.proposalBytesMax", "proposals of all regions not yet applied", Mebi, 16 * Gibi,
            static (s, v) => s with { ProposalBytesMax = v }),
        Size("raft.proposalBytesPerRegionMax", "proposals of one region not yet applied", Mebi, 16 * Gibi,
            static (s, v) => s with { ProposalBytesPerRegionMax = v }),
        Size("raft.entryBytesTarget", "entries are cut at this size", 1_024, Mebi, static (s, v) =>
            s with { EntryBytesTarget = (int)v }),
        Number("raft.requestsWaitingMax", "requests waiting for the raft loop", 1, 10_000_000,
            static (s, v) => s with { RequestsWaitingMax = (int)v }),
        Number("raft.readsWaitingMax", "reads waiting for each read loop", 1, 1_000_000,
            static (s, v) => s with { ReadsWaitingMax = (int)v }),
        Number("store.readLoops", "read loops: one for scans, the rest for gets from the disk", 1, 256,
            static (s, v) => s with { ReadLoops = (int)v }),
        Time("store.heartbeatMs", "between heartbeats of two stores", 20, 10_000, static (s, v) =>
            s with { StoreHeartbeatMs = (int)v }),
        Time("store.silenceMs", "silence after which a store counts as dead", 100, 600_000,
            static (s, v) => s with { StoreSilenceMs = (int)v }),
        Time("store.requestTimeoutMs", "most time a request waits here", 10, 600_000, static (s, v) =>
            s with { RequestTimeoutMs = (int)v }),
        Time("store.outcomeAgeMs", "age after which outcomes of writes are forgotten", 10_000, 86_400_000,
            static (s, v) => s with { OutcomeAgeMs = v }),
        Size("store.outcomeBytesMax", "outcomes one region keeps", 64 << 10, Gibi, static (s, v) =>
            s with { OutcomeBytesMax = v }),
        Size("log.bytesTarget", "the raft log is purged towards this", Mebi, 1_024 * Gibi, static (s, v) =>
            s with { LogBytesTarget = v }),
        Size("log.bytesMax", "above this, writes are refused until the raft log could be cut", 4 * Mebi, 4_096 * Gibi,
            static (s, v) => s with { LogBytesMax = v }),
    ];

    private static Setting One(string key, string help, Func<ServerOptions, string, ServerOptions> apply) =>
        new(key, help, IsList: false, (options, values) => apply(options, values[0]));

    private static Setting Many(string key, string help, Func<ServerOptions, IReadOnlyList<string>,
        ServerOptions> apply) =>
        new(key, help, IsList: true, apply);

    private static Setting Time(string key, string help, long min, long max, Func<StoreOptions, long,
        StoreOptions> apply) =>
        One(key, help, (o, v) => o with { Store = apply(o.Store, SettingText.Ms(v, min, max)) });

    private static Setting Number(string key, string help, long min, long max, Func<StoreOptions, long,
        StoreOptions> apply) =>
        One(key, help, (o, v) => o with { Store = apply(o.Store, SettingText.Count(v, min, max)) });

    private static Setting Size(string key, string help, long min, long max, Func<StoreOptions, long,
        StoreOptions> apply) =>
        One(key, help, (o, v) => o with { Store = apply(o.Store, SettingText.Bytes(v, min, max)) });

    private static Setting Limit(string key, string help, long min, long max, Func<Limits, long, Limits> apply) =>
        One(key, help, (o, v) => WithLimits(o, l => apply(l, SettingText.Bytes(v, min, max))));

    private static ServerOptions WithLimits(ServerOptions options, Func<Limits, Limits> apply) =>
        options with { Store = options.Store with { Limits = apply(options.Store.Limits) } };

    private static string NotEmpty(string text) => text.Length > 0 ? text : throw new FormatException("a folder");

    private static LogLevel Level(string text) =>
        SettingText.OneOf(text, "trace", "debug", "info", "warn", "error") switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "warn" => LogLevel.Warning,
        _ => LogLevel.Error,
    };

    private static Dictionary<string, string> Labels(IReadOnlyList<string> values)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string value in values)
        {
            int equals = value.IndexOf('=');
            if (equals <= 0 || !labels.TryAdd(value[..equals], value[(equals + 1)..]))
            {
                throw new FormatException("name=value, each name once");
            }
        }

        return labels;
    }

    private static List<byte[]> SplitKeys(IReadOnlyList<string> values)
    {
        if (values is [['@', .. string path]])
        {
            try
            {
                values = [.. File.ReadAllLines(path).Where(static line => line.Length > 0)];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new FormatException($"keys, or @ and a file that can be read ({e.Message})", e);
            }
        }

        return [.. values.Select(Key)];
    }

    private static byte[] Key(string text)
    {
        try
        {
            byte[] key = text.StartsWith("0x", StringComparison.Ordinal) ? Convert.FromHexString(text.AsSpan(2))
                : text.StartsWith("b64:", StringComparison.Ordinal) ? Convert.FromBase64String(text[4..])
                : Encoding.UTF8.GetBytes(text.StartsWith("text:", StringComparison.Ordinal) ? text[5..] : text);
            return key.Length is > 0 and <= Protocol.Limits.KeyBytesCeiling ? key : throw new FormatException();
        }
        catch (FormatException e)
        {
            throw new FormatException(string.Create(
                CultureInfo.InvariantCulture,
                $"keys of 1 to {Protocol.Limits.KeyBytesCeiling} bytes as text, 0x…, b64:… or text:…"), e);
        }
    }
}
