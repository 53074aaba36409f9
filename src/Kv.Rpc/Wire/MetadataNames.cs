using System.Buffers;
using System.Collections.Frozen;

namespace Kv.Rpc.Wire;

/// <summary>Which header names belong to the application and which to gRPC and HTTP/2.</summary>
internal static class MetadataNames
{
    private static readonly SearchValues<char> NameChars = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789-_.");

    // Names with a meaning of their own on the way: never metadata, neither sent nor handed to the application.
    private static readonly FrozenSet<string> Transport = new[]
    {
        "te", "content-type", "content-length", "content-encoding", "host", "connection", "keep-alive",
        "proxy-connection", "transfer-encoding", "upgrade", "trailer", "date", "expect",
    }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Protocol = new[]
    {
        "grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "grpc-status", "grpc-message", "grpc-message-type",
    }.ToFrozenSet(StringComparer.Ordinal);

    public static bool IsBinary(string name) => name.EndsWith("-bin", StringComparison.Ordinal);

    public static bool IsWellFormed(string name) => name.Length > 0 && !name.AsSpan().ContainsAnyExcept(NameChars);

    public static bool IsSendable(string name) =>
        !Transport.Contains(name)
        && (!name.StartsWith("grpc-", StringComparison.Ordinal)
            || name.Equals("grpc-status-details-bin", StringComparison.Ordinal));

    public static bool IsReceivable(string name) =>
        name.Length > 0 && name[0] != ':' && !Transport.Contains(name) && !Protocol.Contains(name);

    public static bool IsPrintableAscii(ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange(' ', '~');
}
