using Microsoft.Extensions.Logging;

namespace Kv.Rpc.Server;

internal static partial class RpcLog
{
    [LoggerMessage(EventId = 7001, Level = LogLevel.Error, Message = "rpc {Method}: the handler failed")]
    public static partial void HandlerFailed(ILogger logger, string method, Exception exception);

    [LoggerMessage(EventId = 7002, Level = LogLevel.Debug, Message = "rpc {Method}: the client went away")]
    public static partial void CallAborted(ILogger logger, string method);

    [LoggerMessage(EventId = 7003, Level = LogLevel.Debug, Message = "rpc connection from {Peer} closed: {Reason}")]
    public static partial void ConnectionRefused(ILogger logger, string? peer, string reason);
}
