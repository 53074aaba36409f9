using Microsoft.Extensions.Logging;

namespace Kv.Store;

/// <summary>Log events of the store, with stable ids.</summary>
internal static partial class StoreLog
{
    [LoggerMessage(2001, LogLevel.Error, "region {Region} peer {Peer} has stopped: {Reason}")]
    public static partial void PeerStopped(ILogger logger, ulong region, ulong peer, string reason);

    [LoggerMessage(2002, LogLevel.Warning, "store {Store} is silent for {SilenceMs} ms: the regions it led elect")]
    public static partial void StoreSilent(ILogger logger, ulong store, int silenceMs);

    [LoggerMessage(2003, LogLevel.Information, "store {Store} is heard, incarnation {Incarnation}")]
    public static partial void StoreHeard(ILogger logger, ulong store, ulong incarnation);

    [LoggerMessage(2004, LogLevel.Information, "region {Region}: leadership to peer {Peer}: {Reason}")]
    public static partial void LeaderTransfer(ILogger logger, ulong region, ulong peer, string reason);

    [LoggerMessage(2005, LogLevel.Information, "store opened: {Regions} regions, {Quarantined} quarantined")]
    public static partial void Opened(ILogger logger, int regions, int quarantined);

    [LoggerMessage(2006, LogLevel.Error, "region {Region} peer {Peer} is quarantined: {Reason}")]
    public static partial void Quarantined(ILogger logger, ulong region, ulong peer, string reason);

    [LoggerMessage(
        2007, LogLevel.Error,
        "the {Loop} has not moved for {ProgressMs} ms: this store gives up its leaderships until it moves again")]
    public static partial void Stalls(ILogger logger, string loop, int progressMs);

    [LoggerMessage(2008, LogLevel.Warning, "log and apply move again")]
    public static partial void Moves(ILogger logger);
}
