using System.Net;
using Kv.Placement;
using Kv.Store;
using Microsoft.Extensions.Logging;

namespace Kv.Server.Options;

/// <summary>Which engine keeps the data.</summary>
public enum EngineKind
{
    RocksDb,
    Memory,
}

/// <summary>Everything the process is told. Immutable; read by <see cref="OptionsReader"/>.</summary>
public sealed record ServerOptions
{
    public IPEndPoint ListenClient { get; init; } = new(IPAddress.Loopback, 7400);

    public IPEndPoint ListenPeer { get; init; } = new(IPAddress.Loopback, 7401);

    public IPEndPoint ListenHttp { get; init; } = new(IPAddress.Loopback, 7402);

    /// <summary>Listening on other than loopback addresses without TLS was asked for on purpose.</summary>
    public bool AllowPlaintext { get; init; }

    /// <summary>What others are told to call; null = the listening address.</summary>
    public string? AdvertiseClient { get; init; }

    public string? AdvertisePeer { get; init; }

    public string? AdvertiseHttp { get; init; }

    public string Data { get; init; } = "./data";

    public EngineKind Engine { get; init; } = EngineKind.RocksDb;

    /// <summary>Peer addresses of stores to join; empty = not joining.</summary>
    public IReadOnlyList<string> Join { get; init; } = [];

    /// <summary>An empty folder waits for init instead of founding a cluster of this store alone.</summary>
    public bool WaitForInit { get; init; }

    /// <summary>First region boundaries in the caller's keys, used by an init that names none.</summary>
    public IReadOnlyList<byte[]> InitialSplitKeys { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public bool LogAsJson { get; init; }

    /// <summary>Most time a graceful stop waits for leaders to be taken over.</summary>
    public int DrainTimeoutMs { get; init; } = 5_000;

    /// <summary>Requests of one pipeline stream under way at a time.</summary>
    public int PipelineInFlightMax { get; init; } = 16_384;

    /// <summary>
    /// Bytes of answers of one pipeline stream that wait for a client that does not read, before it is cut off.
    /// </summary>
    public long PipelineWaitingBytesMax { get; init; } = 128L * 1024 * 1024;

    public long RocksDbCacheBytes { get; init; } = 64L * 1024 * 1024;

    public int LogSegmentBytes { get; init; } = 64 * 1024 * 1024;

    public StoreOptions Store { get; init; } = StoreOptions.Default;

    public PlacementOptions Placement { get; init; } = PlacementOptions.Default;

    public string ClientAddress => AdvertiseClient ?? SettingText.Format(ListenClient);

    public string PeerAddress => AdvertisePeer ?? SettingText.Format(ListenPeer);

    public string HttpAddress => AdvertiseHttp ?? SettingText.Format(ListenHttp);
}
